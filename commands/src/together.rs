//! Several commands as one.

use wac_events::StreamId;

use crate::{Command, Context, Fact, Rejection, World};

/// Several commands that happen together or not at all, under one command id. Each is decided over
/// the world as it is before any of them, so none may change what another one looks at.
pub struct Together<'a> {
    /// Its name.
    pub name: &'static str,
    /// The commands, in the order of their facts.
    pub commands: &'a [&'a dyn Command],
}

impl Command for Together<'_> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        self.commands.iter().flat_map(|command| command.reads(world)).collect()
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let decided = self.commands.iter().map(|command| command.decide(world, ctx));
        Ok(decided.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    fn correlation(&self, world: &World) -> Option<String> {
        self.commands.iter().find_map(|command| command.correlation(world))
    }
}
