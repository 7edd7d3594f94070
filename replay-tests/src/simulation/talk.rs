//! What a device says and hears on one socket.

use serde_json::{Value, json};
use wac_commands::Device;
use wac_events::Position;

use super::cluster::Phase;
use super::conversation::Up;
use super::link::{Close, Down};
use super::phone::{Ended, Line, PAUSE_MS, Phone, Waiting};
use super::records::Asked;
use super::script;

/// How often a request is sent again that may succeed later.
const PUT_OFF_MAX: usize = 5;

impl Phone {
    /// Until one side ends it.
    pub(super) async fn talk(&mut self, line: &mut Line, chain: usize, device: &Device) -> Ended {
        self.records.with(chain, |chain| chain.connected = true);
        self.unanswered.iter_mut().for_each(|waiting| (waiting.again, waiting.due) = (true, true));
        self.send_due(line);
        let mut next = self.cluster.executor.now() + self.dice.millis(1, PAUSE_MS);
        loop {
            let executor = self.cluster.executor.clone();
            tokio::select! {
                biased;
                message = line.down.receive() => match message {
                    Some(Down::Frame(text)) => self.take(line, chain, &text),
                    Some(Down::Close(Close::SessionEnded)) => return Ended::Session,
                    Some(Down::Close(_)) | None => return Ended::Lost,
                },
                () = executor.sleep_until(next) => {
                    next = executor.now() + self.dice.millis(1, PAUSE_MS);
                    if let Some(ended) = self.act(line, chain, device).await {
                        return ended;
                    }
                }
            }
        }
    }

    fn send_due(&mut self, line: &mut Line) {
        let due: Vec<Waiting> = self.unanswered.iter().filter(|waiting| waiting.due).cloned().collect();
        self.unanswered.iter_mut().for_each(|waiting| waiting.due = false);
        for Waiting { id, name, payload, .. } in due {
            self.send(line, &id, name, &payload);
        }
    }

    async fn act(&mut self, line: &mut Line, chain: usize, device: &Device) -> Option<Ended> {
        self.send_due(line);
        match self.cluster.phase() {
            Phase::Calm => None,
            Phase::Leaving => self.leave(line, chain, device).await,
            Phase::Lively => match self.dice.below(1_000) {
                0..40 => Some(Ended::Died),
                40..55 => {
                    line.up.send(Up::Goodbye);
                    Some(Ended::Lost)
                }
                55..70 => self.log_out(device).await,
                70..110 => {
                    self.repeat(line);
                    None
                }
                _ => {
                    self.ask(line, chain);
                    None
                }
            },
        }
    }

    fn ask(&mut self, line: &mut Line, chain: usize) {
        if self.unanswered.len() >= 3 {
            return;
        }
        let (name, payload) = self.records.with(chain, |chain| script::next(&self.dice, &chain.view));
        self.request(line, name, payload);
    }

    pub(super) fn request(&mut self, line: &mut Line, name: &'static str, payload: Value) {
        self.requests += 1;
        let id = format!("{}-{}", self.number, self.requests);
        self.unanswered.push(Waiting {
            id: id.clone(),
            name,
            payload: payload.clone(),
            again: false,
            put_off: 0,
            due: false,
        });
        let asked = Asked { name, payload: payload.clone(), answers: Vec::new() };
        self.records.written().asked.insert((self.user.to_owned(), id.clone()), asked);
        self.send(line, &id, name, &payload);
        if self.cluster.trouble() && self.dice.chance(80) {
            self.send(line, &id, name, &payload);
        }
    }

    fn send(&self, line: &mut Line, id: &str, name: &str, payload: &Value) {
        self.tell(format!("asks {id} {name} {payload}"));
        line.up.send(Up::Frame(json!({ "request": name, "requestID": id, "payload": payload }).to_string()));
    }

    /// Sends something again, whether it was answered or not.
    fn repeat(&mut self, line: &mut Line) {
        // Who has begun anew does not know what he asked before, and would not hear what came of it.
        let known = usize::try_from(self.requests - self.forgotten).unwrap_or(0);
        if known == 0 {
            return;
        }
        let id = format!("{}-{}", self.number, self.forgotten + 1 + self.dice.below(known) as u64);
        let written = self.records.written();
        let Some(asked) = written.asked.get(&(self.user.to_owned(), id.clone())).cloned() else { return };
        // What was refused, or changed nothing, would be decided again.
        if !asked.answers.is_empty() && !asked.answers.iter().any(|(_, changed)| *changed) {
            return;
        }
        drop(written);
        self.send(line, &id, asked.name, &asked.payload);
    }

    fn take(&mut self, line: &mut Line, chain: usize, text: &str) {
        let frame: Value = serde_json::from_str(text).expect("frames are JSON");
        let position = frame["position"].as_u64().map(Position);
        if let Some(position) = position {
            if position < line.position {
                self.complain(format!("positions fell from {} to {position}", line.position));
            }
            line.position = position;
            self.records.with(chain, |chain| chain.upto = chain.upto.max(position));
        }
        if frame.get("answer").is_some() {
            self.answered(chain, frame);
            return;
        }
        let (name, payload) =
            (frame["payload"]["eventName"].as_str().unwrap_or_default(), &frame["payload"]["payload"]);
        self.tell(format!("hears {name} {payload} at {}", position.unwrap_or_default()));
        self.records.with(chain, |chain| {
            chain.view.hear(name, payload);
            chain.told.push((position.unwrap_or_default(), text.to_owned()));
        });
    }

    fn answered(&mut self, chain: usize, mut frame: Value) {
        let id = frame["requestID"].as_str().unwrap_or_default().to_owned();
        self.tell(format!("is answered {frame}"));
        let changed = frame.as_object_mut().is_some_and(|frame| frame.remove("position").is_some());
        let mut written = self.records.written();
        let Some(asked) = written.asked.get_mut(&(self.user.to_owned(), id.clone())) else { return };
        let (name, payload) = (asked.name, asked.payload.clone());
        // Sent twice and refused first, it may be accepted all the same.
        let late = changed && !asked.answers.iter().any(|(_, changed)| *changed);
        asked.answers.push((frame.clone(), changed));
        let Some(place) = self.unanswered.iter().position(|waiting| waiting.id == id) else {
            if late {
                written.chains[chain].view.take(name, &payload, &frame, true);
            }
            return;
        };
        if frame["error"]["retryable"] == true && self.unanswered[place].put_off < PUT_OFF_MAX {
            let waiting = &mut self.unanswered[place];
            (waiting.put_off, waiting.again, waiting.due) = (waiting.put_off + 1, true, true);
            return;
        }
        let waiting = self.unanswered.remove(place);
        if frame.get("errorCode").is_none() {
            written.chains[chain].view.take(name, &payload, &frame, waiting.again);
        }
    }
}
