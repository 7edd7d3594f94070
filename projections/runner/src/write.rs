//! What a fold comes to, as statements that are made beforehand and run in one transaction.

use wac_projections::Table;

use crate::RunnerError;
use crate::conn::{Conn, Dialect};
use crate::error::failed;
use crate::fold::{Folded, Member};
use crate::parked::{self, ParkedEvent};
use crate::statements::{Puts, Ready, prepare};

/// How much was written.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) rows: u64,
    pub(crate) events: u64,
}

/// Rows and parked events, ready to be written.
pub(crate) struct Writes {
    ready: Vec<Ready>,
    parked: Vec<(u64, ParkedEvent)>,
}

impl Writes {
    /// Makes the statements; `physical` names the table each member's rows go to.
    pub(crate) fn prepare(
        dialect: Dialect,
        members: &[Member],
        folded: Folded,
        puts: Puts,
        physical: impl Fn(&Table, &Member) -> String,
    ) -> Result<Self, RunnerError> {
        let mut ready = Vec::new();
        for batch in folded.batch.tables {
            let table = batch.table;
            let owner = members.iter().find(|member| member.projection.tables().contains(&table));
            let owner = owner.ok_or_else(|| RunnerError::Shape {
                table: table.name,
                column: "(not a table of its projection)".into(),
            })?;
            let statements = prepare(dialect, batch, &physical(table, owner), puts);
            ready.extend(statements.map_err(failed("writing read models"))?);
        }
        Ok(Self { ready, parked: folded.parked })
    }

    /// Runs them.
    pub(crate) async fn run(self, conn: &mut Conn<'_>) -> Result<Written, RunnerError> {
        let mut written = Written { rows: 0, events: self.parked.len() as u64 };
        for ready in self.ready {
            written.rows += ready.run(conn).await.map_err(failed("writing read models"))?;
        }
        for (generation, event) in &self.parked {
            parked::insert(conn, *generation, event).await?;
        }
        Ok(written)
    }
}
