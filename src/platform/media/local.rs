//! The deployment, to a media node in a process that has its database; and, for the command endpoint, to any.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use wac_commands::node::{OfferMedia, StopNode, WithdrawMedia};
use wac_commands::process::{Heartbeats, MediaRules};
use wac_commands::{Command, CommandHandler, Context};
use wac_events::node::NodeEnd;
use wac_events::{Actor, CommandId, Environment as _, NodeId, OpeningId};
use wac_media_io::TokenKey;
use wac_projections::{MEDIA_ROOMS, MediaRoomRow, ROOMS, RoomRow, Rows as _, Select};
use wac_runner::SqlRows;
use wac_store::SystemEnvironment;

use super::link::{Beat, MediaLink, Offer, Standing, Welcome};

/// In whose name nodes speak.
const ACTOR: &str = "media_nodes";

/// The log, the signs of life and the key, directly.
pub(crate) struct LocalLink {
    /// Executes what nodes say.
    pub(crate) handler: CommandHandler,
    /// Keeps their signs of life.
    pub(crate) heartbeats: Arc<dyn Heartbeats>,
    /// Knows the open rooms.
    pub(crate) rows: SqlRows,
    /// Signs media tokens.
    pub(crate) key: Arc<TokenKey>,
    /// How often signs of life are expected.
    pub(crate) rules: MediaRules,
}

impl LocalLink {
    async fn execute(&self, command: &dyn Command) -> Result<()> {
        let (now, id) = (SystemEnvironment.now(), CommandId(SystemEnvironment.new_uuid()));
        let ctx = Context::new(now, Actor::System(ACTOR.to_owned()), id);
        self.handler.execute(command, ctx).await.map(drop).with_context(|| command.name().replace('_', " "))
    }

    fn keys(&self) -> Vec<String> {
        vec![self.key.public()]
    }

    /// When the oldest open room was opened; ids of openings rise with time.
    async fn rooms_since(&self) -> Result<i64> {
        let now = SystemEnvironment.now().millis();
        let oldest = self.rows.select(Select::from(&MEDIA_ROOMS).limit(1)).await?;
        let Some(opening) = oldest.first().and_then(MediaRoomRow::from_row).map(|row| row.opening) else {
            return Ok(now);
        };
        Ok(self.opened_at(&opening).await?.unwrap_or(now))
    }

    async fn opened_at(&self, opening: &OpeningId) -> Result<Option<i64>> {
        let rows = self.rows.select(Select::from(&ROOMS).equals(ROOMS.key(), opening.as_str()).limit(1)).await?;
        Ok(rows.first().and_then(RoomRow::from_row).map(|row| row.created_at.millis()))
    }
}

impl MediaLink for LocalLink {
    fn offer<'a>(&'a self, node: &'a NodeId, offer: &'a Offer) -> BoxFuture<'a, Result<Welcome>> {
        async move {
            let Offer { name, server, sessions_max } = offer.clone();
            // Before anybody may look for signs of life of it there is one.
            self.heartbeats.beat(node).await?;
            self.execute(&OfferMedia { id: node.clone(), name, server, sessions_max }).await?;
            let beat_every = u64::try_from(self.rules.beat_every().as_millis()).unwrap_or(u64::MAX);
            Ok(Welcome { keys: self.keys(), rooms_since: self.rooms_since().await?, beat_every })
        }
        .boxed()
    }

    fn beat<'a>(&'a self, node: &'a NodeId, beat: Beat) -> BoxFuture<'a, Result<Standing>> {
        async move {
            let world = self.handler.load(&[node.stream()]).await?;
            let serving = world.node(node).serves_media();
            // Who has been given up is not expected any more.
            if serving {
                self.heartbeats.beat_loaded(node, beat.sessions).await?;
            }
            Ok(Standing { serving, keys: self.keys() })
        }
        .boxed()
    }

    fn withdraw<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<()>> {
        async move {
            self.execute(&WithdrawMedia { id: node.clone() }).await?;
            let stop = StopNode { id: node.clone(), reason: NodeEnd::Stopped, devices_kept: Duration::ZERO };
            self.execute(&stop).await?;
            Ok(self.heartbeats.forget(node).await?)
        }
        .boxed()
    }
}
