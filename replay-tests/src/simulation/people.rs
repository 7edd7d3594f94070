//! Who there is: two domains, five people, a group, and their devices.

use std::sync::Arc;

use wac_commands::agent::AGENT_CAPABILITY;
use wac_commands::group::{AddGroupUser, CreateGroup};
use wac_commands::{Command, CreateDomain, CreateUser, name_key};
use wac_events::{Actor, DomainId, Role};

use super::cluster::Cluster;
use super::dice::Dice;
use super::nodes::Nodes;
use super::phone::Phone;
use super::process::Process;
use super::records::Records;

/// Everybody's name, domain and devices. Carol is an agent of the pool.
const PEOPLE: [(&str, &str, usize); 4] =
    [("alice", "base", 2), ("bob", "base", 2), ("carol", "base", 1), ("dave", "other", 1)];

async fn done(process: &Process, command: impl Command) {
    let name = command.name();
    let executed = process.execute(Actor::System("set-up".to_owned()), &command).await;
    executed.unwrap_or_else(|error| panic!("{name}: {error}"));
}

fn domain(id: &str, name: &str, parent: Option<&str>) -> CreateDomain {
    CreateDomain {
        id: id.into(),
        name: name.to_owned(),
        parent: parent.map(DomainId::from),
        origins: Vec::new(),
        enable_anonymous: false,
        anonymous_expiration_ms: 0,
        anonymous_capabilities: Vec::new(),
        services: None,
    }
}

/// Makes everybody known.
pub(crate) async fn settle(process: &Process) {
    done(process, domain("base", "quobis", None)).await;
    done(process, domain("other", "other.example", Some("base"))).await;
    for (name, home, _) in PEOPLE {
        let capability = format!("+{AGENT_CAPABILITY}");
        let user = CreateUser {
            id: name.into(),
            name_key: name_key(&**process.handler.keys(), &home.into(), name).expect("a valid name"),
            domain: home.into(),
            username: name.to_owned(),
            role: Role::User,
            email: None,
            mobile_phones: Vec::new(),
            land_line_number: None,
            alias: name.to_owned(),
            display_name: None,
            capabilities: (name == "carol").then_some(capability).into_iter().collect(),
        };
        done(process, user).await;
    }
    let team = CreateGroup { id: "team".into(), domain: "base".into(), name: "Team".to_owned(), owner: "alice".into() };
    done(process, team).await;
    for user in ["bob", "carol"] {
        done(process, AddGroupUser { group: "team".into(), by: "alice".into(), as_admin: false, user: user.into() })
            .await;
    }
}

/// Everybody's devices.
pub(crate) fn phones(
    cluster: &Arc<Cluster>,
    nodes: &Nodes,
    records: &Records,
    seed: u64,
) -> impl Iterator<Item = Phone> {
    let devices =
        PEOPLE.iter().flat_map(|(user, domain, count)| (1..=*count).map(move |number| (*user, *domain, number)));
    devices.enumerate().map(move |(index, (user, domain, number))| {
        let dice = Dice::new(seed, 100 + index as u64);
        Phone::new((cluster.clone(), nodes.clone(), records.clone()), dice, (user, domain), number)
    })
}
