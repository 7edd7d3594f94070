//! Datagrams of somebody who is on the way, or only knows where the node is: who is on another WebRTC stack goes on.

use wac_media_io::{Dropped, Figures};
use wac_media_load::Stack;

use crate::company::Company;
use crate::eavesdropper::{Eavesdropper, is_check, is_dtls};
use crate::node::Node;
use crate::wire;

/// The client that is attacked: the first one.
const VICTIM: u64 = 0;
const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn counted(node: &Node) -> [u64; 6] {
    let figures: Figures = node.figures();
    Dropped::ALL.map(|why| figures.dropped(why))
}

/// Three people whose media has flowed, and of which nothing was dropped.
async fn company() -> (Company, Eavesdropper) {
    company_with(Stack::default()).await
}

/// The same, the first of them with this stack.
async fn company_with(stack: Stack) -> (Company, Eavesdropper) {
    let (node, eavesdropper) = Eavesdropper::at_a_node().await;
    let stacks = NAMES.map(|name| (name, if name == NAMES[0] { stack } else { Stack::default() }));
    let company = Company::meet_with(node, &stacks).await;
    company.goes_on_while(async || true).await;
    assert_eq!(counted(&company.node), [0; 6], "of a call nothing is dropped");
    (company, eavesdropper)
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_media_that_is_sent_again_is_counted_and_reaches_nobody_a_second_time() {
    let (company, eavesdropper) = company().await;
    let dropped = |why| company.node.figures().dropped(why);
    eavesdropper.repeat_media(true);
    let enough = async || {
        let repeated = &eavesdropper.repeated;
        let media = dropped(Dropped::NotTaken) >= 300 && dropped(Dropped::UnknownSender) >= 300;
        media && repeated.rtcp() >= 10
    };
    company.goes_on_while(enough).await;
    eavesdropper.repeat_media(false);
    company.hear_and_see_one_another().await;
    // No more is dropped than was sent again, and that for no other reason.
    let (rtp, rtcp) = (eavesdropper.repeated.rtp(), eavesdropper.repeated.rtcp());
    let [elsewhere, checks, unknown, own, flood, unreadable] = counted(&company.node);
    assert!(own <= rtp + rtcp && elsewhere <= rtp + rtcp, "{own} and {elsewhere} of {rtp} and {rtcp}");
    assert_eq!([checks, unknown, flood, unreadable], [0; 4]);
    for place in 0..NAMES.len() {
        let (packets, twice) = eavesdropper.sent_to(place as u64);
        let most = company.sent_for(place);
        assert!(packets > 300 && packets <= most && twice == 0, "{packets} of {most}, {twice} twice");
    }
    assert!(!eavesdropper.is_answered());
    company.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn media_of_a_source_that_was_not_offered_goes_no_further_and_that_of_the_offered_one_does() {
    let (company, eavesdropper) = company_with(Stack { undeclared: true, ..Stack::default() }).await;
    let dropped = || company.node.figures().dropped(Dropped::UnknownSource);
    let mut sent = 0;
    let enough = async || {
        company.people[0].client.sending().speak_undeclared(80).await.unwrap();
        sent += 1;
        dropped() >= 100
    };
    company.goes_on_while(enough).await;
    company.hear_and_see_one_another().await;
    assert!(dropped() <= sent, "{} of {sent}", dropped());
    for place in 0..NAMES.len() {
        let (packets, most) = (eavesdropper.sent_to(place as u64).0, company.sent_for(place));
        assert!(packets > 100 && packets <= most, "{packets} of {most}");
    }
    company.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_of_somebody_without_the_password_are_counted_and_draw_no_media_away() {
    let (company, eavesdropper) = company().await;
    let recorded = eavesdropper.heard_of(VICTIM, is_check);
    let recorded = recorded.last().expect("a client checks").clone();
    let username = wire::username_of(&recorded);
    let (node, client) = username.split_once(':').unwrap();
    let (stranger, swapped) = (format!("nobody:{client}"), format!("{client}:{node}"));
    let mut transaction = 0;
    let enough = async || {
        let mut forged = Vec::new();
        for name in [&username, &stranger, &swapped, ""] {
            for kind in [wire::BINDING_REQUEST, wire::BINDING_SUCCESS, wire::BINDING_ERROR, wire::BINDING_INDICATION] {
                transaction += 1;
                forged.push(wire::stun(kind, transaction, name, "no password of anybody's"));
            }
        }
        // A good one, from elsewhere, and parts of it.
        eavesdropper.send(&recorded).await;
        forged.push(recorded[..recorded.len() - 8].to_vec());
        forged.push(recorded[..20].to_vec());
        for bytes in &forged {
            eavesdropper.send(bytes).await;
            eavesdropper.send_as(VICTIM, bytes).await;
        }
        company.node.figures().dropped(Dropped::ForgedCheck) >= 500
    };
    company.goes_on_while(enough).await;
    // Nor is his own address believed for its own sake.
    let before = company.node.figures().dropped(Dropped::ForgedCheck);
    let in_his_name = async || {
        transaction += 1;
        let check = wire::stun(wire::BINDING_REQUEST, transaction, &username, "no password of anybody's");
        eavesdropper.send_as(VICTIM, &check).await;
        company.node.figures().dropped(Dropped::ForgedCheck) >= before + 50
    };
    company.goes_on_while(in_his_name).await;
    company.hear_and_see_one_another().await;
    assert!(!eavesdropper.is_answered(), "who does not know the password is not even answered");
    company.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dtls_of_somebody_else_ends_nothing_and_begins_nothing() {
    let (company, eavesdropper) = company().await;
    let mut forged = wire::forged_records();
    // And the whole handshake once more.
    let recorded = eavesdropper.heard_of(VICTIM, is_dtls);
    assert!(recorded.len() >= 2, "a client has shaken hands");
    forged.extend(recorded);
    let before = company.node.figures();
    let mut sent = 0;
    let enough = async || {
        // A few at a time: more than a socket holds would get lost.
        for bytes in forged.iter().cycle().skip(sent).take(20) {
            eavesdropper.send(bytes).await;
            eavesdropper.send_as(VICTIM, bytes).await;
        }
        sent += 20;
        sent >= forged.len() * 2 && company.node.figures().dropped(Dropped::UnknownSender) as usize >= forged.len()
    };
    company.goes_on_while(enough).await;
    let received = company.node.figures().packets_received - before.packets_received;
    assert!(received as usize > sent, "those in the client's name have come, too: {received}");
    company.hear_and_see_one_another().await;
    assert!(!eavesdropper.is_answered());
    company.end().await;
}
