//! Every event of every aggregate in one enum, and the catalogue of all event types.

use crate::{
    AgentEvent, Cell, ClientEvent, CodecError, CredentialEvent, DomainEvent, Environment, Event, EventTypeInfo,
    GroupEvent, InviteEvent, LoginEvent, MediaEvent, NodeEvent, OpenError, PersonalFields, PresenceEvent, Recorded,
    ReservationEvent, RoomEvent, SessionEvent, SubjectEvent, SubjectId, SubjectKey, TokenEvent, TransferEvent,
    UserEvent,
};

macro_rules! any_event {
    ($($variant:ident($event:ty)),+ $(,)?) => {
        /// Any event of the platform, in its newest shape.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyEvent {
            $(
                #[doc = concat!("See [`", stringify!($event), "`].")]
                $variant($event),
            )+
        }

        $(
            impl From<$event> for AnyEvent {
                fn from(event: $event) -> Self {
                    Self::$variant(event)
                }
            }
        )+

        impl AnyEvent {
            /// Wire name.
            pub fn event_type(&self) -> &'static str {
                match self { $( Self::$variant(event) => event.event_type(), )+ }
            }

            /// Newest version of its payload.
            pub fn schema_version(&self) -> u32 {
                match self { $( Self::$variant(event) => event.schema_version(), )+ }
            }

            /// JSON of the payload; protected fields must be sealed.
            pub fn encode(&self) -> Result<String, CodecError> {
                match self { $( Self::$variant(event) => event.encode(), )+ }
            }

            /// Decodes any version of any type this binary knows. Protected fields stay sealed.
            pub fn decode(event_type: &str, schema_version: u32, data: &str) -> Result<Self, CodecError> {
                let aggregate = event_type.split_once('.').map_or(event_type, |(aggregate, _)| aggregate);
                match aggregate {
                    $( <$event>::AGGREGATE => <$event>::decode(event_type, schema_version, data).map(Self::$variant), )+
                    _ => Err(CodecError::Unknown { event_type: event_type.to_owned(), schema_version }),
                }
            }

            /// Decodes what stands in the log. Protected fields stay sealed.
            pub fn decode_recorded(recorded: &Recorded) -> Result<Self, CodecError> {
                Self::decode(&recorded.event_type, recorded.schema_version, &recorded.data)
            }

            /// Seals every clear protected field.
            pub fn seal(&mut self, key: &SubjectKey, env: &dyn Environment) {
                match self { $( Self::$variant(event) => event.seal(key, env), )+ }
            }

            /// Opens every sealed protected field, or marks it erased where there is no key.
            pub fn open(&mut self, key: Option<&SubjectKey>) -> Result<(), OpenError> {
                match self { $( Self::$variant(event) => event.open(key), )+ }
            }
        }

        impl PersonalFields for AnyEvent {
            fn subject(&self) -> Option<SubjectId> {
                match self { $( Self::$variant(event) => event.subject(), )+ }
            }

            fn protected(&mut self, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
                match self { $( Self::$variant(event) => event.protected(visit), )+ }
            }
        }

        /// Every event type there is, aggregate by aggregate.
        pub fn catalogue() -> impl Iterator<Item = &'static EventTypeInfo> {
            [$( <$event>::TYPES, )+].into_iter().flatten()
        }
    };
}

any_event! {
    Domain(DomainEvent),
    User(UserEvent),
    Subject(SubjectEvent),
    Credential(CredentialEvent),
    Client(ClientEvent),
    Token(TokenEvent),
    Reservation(ReservationEvent),
    Session(SessionEvent),
    Presence(PresenceEvent),
    Login(LoginEvent),
    Room(RoomEvent),
    Invite(InviteEvent),
    Transfer(TransferEvent),
    Group(GroupEvent),
    Agent(AgentEvent),
    Node(NodeEvent),
    MediaSession(MediaEvent),
}
