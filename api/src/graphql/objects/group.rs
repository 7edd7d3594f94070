//! Users groups.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};

use super::{Domain, User};
use crate::Caller;
use crate::graphql::moment::Moment;
use crate::graphql::scalars::{DateTime, Long};
use crate::policy::{Action, Target, allows};
use crate::reads::GroupView;

/// People who ring together.
pub(in crate::graphql) struct UsersGroup {
    view: GroupView,
    moment: Arc<Moment>,
}

impl UsersGroup {
    /// The group, if the caller may see it.
    pub(in crate::graphql) fn seen(caller: &Caller, view: GroupView, moment: &Arc<Moment>) -> Option<Self> {
        let target = Target::Group { owner: &view.owner, domain: &view.domain };
        let allowed = allows(caller, Action::Read, &target).is_allowed();
        allowed.then(|| Self { view, moment: moment.clone() })
    }
}

/// People who ring together.
#[Object]
impl UsersGroup {
    /// Its id.
    async fn id(&self) -> ID {
        ID::from(self.view.id.as_str())
    }

    /// `wac-group:<id>`.
    async fn uri(&self) -> String {
        self.view.id.uri()
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.view.name
    }

    /// Who manages it.
    async fn owner(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        User::load(ctx, &self.moment, &self.view.owner).await
    }

    /// Its domain.
    async fn domain(&self, ctx: &Context<'_>) -> Result<Option<Domain>> {
        Domain::load(ctx, &self.moment, &self.view.domain).await
    }

    /// Its domain's name.
    async fn domain_name(&self) -> &str {
        &self.view.domain_name
    }

    /// Ids of its participants, those of longest standing first.
    async fn participants(&self) -> Vec<ID> {
        self.view.participants.iter().map(|id| ID::from(id.as_str())).collect()
    }

    /// When it was created.
    async fn created(&self) -> DateTime {
        DateTime(self.view.created_at)
    }

    /// Version of its stream, for `ifVersion`.
    async fn version(&self) -> Long {
        Long(self.view.version)
    }
}
