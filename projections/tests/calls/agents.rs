//! The agents' pools.

use wac_events::agent::*;
use wac_events::user::*;
use wac_events::*;
use wac_projections::*;

use crate::story::{Story, at, user_changed};

fn with_capabilities(story: Story, capabilities: &[&str]) -> Story {
    let capabilities = Patch::Set(capabilities.iter().map(|&name| name.to_owned()).collect());
    story.then("user-u1".into(), UserEvent::from(UserChanged { capabilities, ..user_changed() }))
}

fn agent_of(story: &Story) -> Option<AgentRow> {
    story.row(&AGENTS, "u1", AgentRow::from_row)
}

#[test]
fn who_is_given_the_capability_is_an_agent_until_it_is_taken() {
    let story = with_capabilities(Story::default(), &["+video"]);
    assert_eq!(agent_of(&story), None);
    let story = with_capabilities(story, &["+c2cagent"]);
    let expected = AgentRow { user: "u1".into(), domain: "d1".into(), agent: true, invite: None, idle_since: None };
    assert_eq!(agent_of(&story), Some(expected));
    assert!(!agent_of(&with_capabilities(story, &[])).unwrap().agent);
}

#[test]
fn an_agent_has_his_contact_until_he_is_released() {
    let assigned = AgentAssigned { user: "u1".into(), invite: "i1".into(), at: at(5) };
    let released = AgentReleased { user: "u1".into(), invite: "i1".into(), at: at(9) };
    let story = with_capabilities(Story::default(), &["+c2cagent"]);
    let story = story.then("agent-u1".into(), AgentEvent::from(assigned));
    assert_eq!(agent_of(&story).unwrap().invite, Some("i1".into()));
    let row = agent_of(&story.then("agent-u1".into(), AgentEvent::from(released))).unwrap();
    assert_eq!((row.invite, row.idle_since), (None, Some(at(9))));
}
