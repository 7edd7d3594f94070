use wac_events::user::{SubjectErased, UserChanged, UserCreated, UserDeleted};
use wac_events::{DomainId, Patch, Personal, Reserved, Role, SubjectEvent, SubjectId, UserEvent, UserId};

use super::*;
use crate::credential::FOLLOWERS_MAX;
use crate::domain::{moved_in, open_domain};
use crate::rejection::{Checks, check_version};
use crate::{Context, Fact, Rejection, World, capability, names, reservation};

/// A user that is there.
fn existing<'a>(world: &'a World, id: &UserId) -> Result<&'a User, Rejection> {
    let user = world.user(id);
    if user.exists() { Ok(user) } else { Err(Rejection::NotFound { what: "user", id: id.to_string() }) }
}

fn check_email(checks: &mut Checks, email: Option<&str>) {
    let Some(email) = email else { return };
    let holds = email.len() <= EMAIL_BYTES_MAX
        && !email.chars().any(|c| c.is_whitespace() || c.is_control())
        && email.rsplit_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
    checks.require(holds, "email_invalid", "/email", "an e-mail address looks like name@host, at most 254 bytes");
}

fn check_phone(checks: &mut Checks, phone: &str, pointer: &str) {
    let holds = !phone.is_empty()
        && phone.len() <= PHONE_BYTES_MAX
        && phone
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | '(' | ')' | ' ' | '/' | '*' | '#'))
        && phone.chars().any(|c| c.is_ascii_digit());
    checks.require(
        holds,
        "phone_invalid",
        pointer,
        "a phone number has digits, +, -, ., (, ), /, *, # and blanks, at most 64",
    );
}

fn check_phones(checks: &mut Checks, phones: &[String]) {
    let few = phones.len() <= MOBILE_PHONES_MAX;
    checks.require(few, "phone_invalid", "/mobilePhone", "a user has at most 20 mobile phones");
    for (index, phone) in phones.iter().enumerate().take(MOBILE_PHONES_MAX) {
        check_phone(checks, phone, &format!("/mobilePhone/{index}"));
    }
}

fn check_shown(checks: &mut Checks, name: Option<&str>, code: &'static str, pointer: &str) {
    let Some(name) = name else { return };
    let chars = name.chars().count();
    let holds = (1..=DISPLAY_NAME_CHARS_MAX).contains(&chars) && !name.chars().any(char::is_control);
    checks.require(holds, code, pointer, "a name that is shown has 1 to 256 characters and no control characters");
}

/// Takes a username in a domain that is open.
fn take_name(world: &World, domain: &DomainId, key: &str, user: &UserId) -> Result<Vec<Fact>, Rejection> {
    let reserved = Reserved::Username(key.to_owned());
    if world.reservation(&reserved).exists() {
        return Err(Rejection::UsernameTaken);
    }
    Ok(vec![reservation::taken(domain, &reserved, user.as_str())])
}

fn personal(text: Option<&String>) -> Option<Personal> {
    text.map(Personal::new)
}

fn personals(texts: &[String]) -> Vec<Personal> {
    texts.iter().map(Personal::new).collect()
}

impl CreateUser {
    fn check(&self) -> Result<(), Rejection> {
        let mut checks = Checks::default();
        checks.take(names::check_username(&self.username));
        check_email(&mut checks, self.email.as_deref());
        check_phones(&mut checks, &self.mobile_phones);
        if let Some(number) = &self.land_line_number {
            check_phone(&mut checks, number, "/landLineNumber");
        }
        check_shown(&mut checks, Some(&self.alias), "alias_invalid", "/alias");
        check_shown(&mut checks, self.display_name.as_deref(), "display_name_invalid", "/displayName");
        capability::check(&mut checks, &self.capabilities, "/capabilities");
        checks.done()
    }

    pub(crate) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.check()?;
        if world.user(&self.id).version > 0 {
            return Err(Rejection::AlreadyExists { what: "user", id: self.id.to_string() });
        }
        open_domain(world, &self.domain, "/domain")?;
        let mut facts = take_name(world, &self.domain, &self.name_key, &self.id)?;
        facts.extend(moved_in(world, &self.domain));
        let created = UserCreated {
            id: self.id.clone(),
            domain: self.domain.clone(),
            username: Personal::new(&self.username),
            name_key: self.name_key.clone(),
            role: self.role,
            email: personal(self.email.as_ref()),
            mobile_phones: personals(&self.mobile_phones),
            land_line_number: personal(self.land_line_number.as_ref()),
            alias: Personal::new(&self.alias),
            display_name: personal(self.display_name.as_ref()),
            capabilities: self.capabilities.clone(),
            at: ctx.now,
        };
        facts.push(Fact::of(&self.domain, self.id.stream(), UserEvent::from(created)));
        Ok(facts)
    }
}

fn patch<T: PartialEq>(old: &T, new: Option<T>) -> Patch<T> {
    new.map_or(Patch::Keep, |new| Patch::between(old, new))
}

/// An administrator ceases to be one only by the word of another who is one at that moment (or of
/// the platform itself). Both streams are asserted, so two that remove each other cannot both win.
fn check_administrator(world: &World, user: &User) -> Result<(), Rejection> {
    let (Role::Admin, Some(actor)) = (user.role, world.acting_user()) else { return Ok(()) };
    if *actor == user.id {
        return Err(Rejection::OwnAdministrator);
    }
    let acting = world.user(actor);
    if acting.exists() && acting.role == Role::Admin { Ok(()) } else { Err(Rejection::NotAdministrator) }
}

impl UserChanges {
    fn check(&self) -> Result<(), Rejection> {
        let mut checks = Checks::default();
        if let Some(name) = &self.name {
            checks.take(names::check_username(&name.username));
        }
        check_email(&mut checks, self.email.as_ref().and_then(Option::as_deref));
        check_phones(&mut checks, self.mobile_phones.as_deref().unwrap_or_default());
        if let Some(Some(number)) = &self.land_line_number {
            check_phone(&mut checks, number, "/landLineNumber");
        }
        check_shown(&mut checks, self.alias.as_deref(), "alias_invalid", "/alias");
        let display_name = self.display_name.as_ref().and_then(Option::as_deref);
        check_shown(&mut checks, display_name, "display_name_invalid", "/displayName");
        capability::check(&mut checks, self.capabilities.as_deref().unwrap_or_default(), "/capabilities");
        checks.done()
    }

    fn against(&self, old: &User) -> UserChanged {
        let name = self.name.as_ref();
        UserChanged {
            id: old.id.clone(),
            domain: patch(&old.domain, name.map(|name| name.domain.clone())),
            username: patch(&old.username, name.map(|name| Personal::new(&name.username))),
            name_key: patch(&old.name_key, name.map(|name| name.key.clone())),
            role: patch(&old.role, self.role),
            email: patch(&old.email, self.email.as_ref().map(|email| personal(email.as_ref()))),
            mobile_phones: patch(&old.mobile_phones, self.mobile_phones.as_deref().map(personals)),
            land_line_number: patch(
                &old.land_line_number,
                self.land_line_number.as_ref().map(|number| personal(number.as_ref())),
            ),
            alias: patch(&old.alias, self.alias.as_ref().map(Personal::new)),
            display_name: patch(&old.display_name, self.display_name.as_ref().map(|name| personal(name.as_ref()))),
            capabilities: patch(&old.capabilities, self.capabilities.clone()),
        }
    }
}

impl ChangeUser {
    pub(super) fn facts(&self, world: &World) -> Result<Vec<Fact>, Rejection> {
        let old = existing(world, &self.id)?;
        check_version(self.expected_version, old.version)?;
        self.changes.check()?;
        let changed = self.changes.against(old);
        if changed == UserChanged::nothing(self.id.clone()) {
            return Ok(Vec::new());
        }
        if !changed.role.is_keep() {
            check_administrator(world, old)?;
        }
        let domain = changed.domain.set().unwrap_or(&old.domain).clone();
        let mut facts = Vec::with_capacity(4);
        if let Some(domain) = changed.domain.set() {
            open_domain(world, domain, "/domain")?;
            facts.extend(moved_in(world, domain));
            for follower in self.changes.credentials.iter().take(FOLLOWERS_MAX) {
                facts.extend(follower.facts(world, &self.id, domain)?);
            }
        }
        if let Some(key) = changed.name_key.set() {
            facts.extend(take_name(world, &domain, key, &self.id)?);
            let left = Reserved::Username(old.name_key.clone());
            facts.push(reservation::released(&old.domain, &left, self.id.as_str()));
        }
        facts.push(Fact::of(&domain, self.id.stream(), UserEvent::from(changed)));
        Ok(facts)
    }
}

/// What removes a user that is there, its name's reservation first.
pub(crate) fn removal(user: &User, cascade: bool) -> Vec<Fact> {
    let reserved = Reserved::Username(user.name_key.clone());
    let deleted = UserDeleted { id: user.id.clone(), domain: user.domain.clone(), cascade };
    vec![
        reservation::released(&user.domain, &reserved, user.id.as_str()),
        Fact::of(&user.domain, user.id.stream(), UserEvent::from(deleted)),
    ]
}

impl DeleteUser {
    pub(super) fn facts(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let user = world.user(&self.id);
        let subject = SubjectId::of_user(&self.id);
        let erasable = self.erase && user.version > 0 && !world.subject(&subject).erased;
        if !user.exists() && !erasable {
            return Err(Rejection::NotFound { what: "user", id: self.id.to_string() });
        }
        check_version(self.expected_version, user.version)?;
        let mut facts = Vec::with_capacity(3);
        if user.exists() {
            check_administrator(world, user)?;
            facts.extend(removal(user, self.cascade));
        }
        if erasable {
            let erased = SubjectEvent::from(SubjectErased { subject: subject.clone(), at: ctx.now });
            facts.push(Fact::of(&user.domain, subject.stream(), erased));
        }
        Ok(facts)
    }
}
