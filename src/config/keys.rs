//! The catalogue of configuration keys: what each means, may hold, and is called in every source.

/// What a key may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number in this range, both ends included.
    Number(u64, u64),
    /// Texts; separated by commas outside files.
    List,
    /// Names with texts: a table in files; `name=text` separated by commas outside.
    Pairs,
    /// Some of these words; separated by commas outside files.
    SomeOf(&'static [&'static str]),
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    /// Dotted camelCase name: `http.port` is `port` in the table `[http]`.
    pub(crate) name: &'static str,
    /// What it may hold.
    pub(crate) kind: Kind,
    /// Its default, written as in an environment variable; `None`: unset.
    pub(crate) default: Option<&'static str>,
    /// A shorter environment variable that means the same.
    pub(crate) alias: Option<&'static str>,
    /// The command-line option that sets it; `--set KEY=VALUE` always does.
    pub(crate) flag: Option<&'static str>,
    /// Never shown.
    pub(crate) secret: bool,
    /// One sentence for people.
    pub(crate) help: &'static str,
}

impl Key {
    const fn new(name: &'static str, kind: Kind, default: Option<&'static str>, help: &'static str) -> Self {
        Self { name, kind, default, alias: None, flag: None, secret: false, help }
    }

    const fn alias(mut self, variable: &'static str) -> Self {
        self.alias = Some(variable);
        self
    }

    const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The environment variable: `http.port` is `WAC_HTTP__PORT`, `trustedProxies` is
    /// `WAC_TRUSTED_PROXIES`.
    pub(crate) fn variable(&self) -> String {
        let mut variable = String::from("WAC_");
        for letter in self.name.chars() {
            match letter {
                '.' => variable.push_str("__"),
                _ if letter.is_ascii_uppercase() => variable.extend(['_', letter]),
                _ => variable.push(letter.to_ascii_uppercase()),
            }
        }
        variable
    }
}

/// What a process may do.
pub(crate) const ROLES: &[&str] = &["api", "signaling", "projector", "relay", "processes", "media"];
/// Log filter without `log.filter`.
pub(crate) const DEFAULT_LOG_FILTER: &str = "info,sqlx=warn,hyper=warn,rdkafka=warn,librdkafka=warn,str0m=error";

/// Every key, in the order of the documentation.
pub(crate) const KEYS: &[Key] = &[
    Key::new("roles", Kind::SomeOf(ROLES), Some("api,signaling,projector,relay,processes"), "What this process does.")
        .flag("--roles"),
    Key::new("bind", Kind::Text, Some("127.0.0.1"), "Address the listeners bind to; 0.0.0.0 or [::] for every one.")
        .flag("--bind"),
    Key::new("http.enabled", Kind::Bool, Some("true"), "Whether plain HTTP is served."),
    Key::new("http.port", Kind::Number(0, 65_535), Some("8000"), "Port of plain HTTP; 0 takes any free one.")
        .flag("--http-port"),
    Key::new(
        "http.headTimeout",
        Kind::Number(100, 3_600_000),
        Some("10000"),
        "How long a client of any listener may take to begin, and to send a request's head, in milliseconds.",
    ),
    Key::new(
        "http.connectionsMax",
        Kind::Number(1, 1_000_000),
        Some("50000"),
        "Most connections of each listener, sockets included; further ones are closed at once.",
    ),
    Key::new("https.port", Kind::Number(0, 65_535), Some("8001"), "Port of HTTPS; 0 takes any free one.")
        .flag("--https-port"),
    Key::new("qss.port", Kind::Number(0, 65_535), Some("8118"), "Port of the signaling sockets; 0 takes any free one.")
        .flag("--qss-port"),
    Key::new(
        "metrics.port",
        Kind::Number(0, 65_535),
        None,
        "Port of /metrics, /livez and /readyz alone; unset: only on the other listeners; 0 takes any free one.",
    )
    .flag("--metrics-port"),
    Key::new(
        "media.port",
        Kind::Number(0, 65_535),
        Some("10000"),
        "UDP and TCP port of the media of all participants; 0 takes any free one.",
    )
    .flag("--media-port"),
    Key::new(
        "media.address",
        Kind::Text,
        None,
        "IP address clients reach the media port at; unset: what bind says, or the machine's own.",
    ),
    Key::new("media.videoCodec", Kind::OneOf(&["vp8", "h264"]), Some("vp8"), "The one video codec of the rooms."),
    Key::new(
        "media.autoVideo",
        Kind::Number(0, 100),
        Some("16"),
        "So many pictures a client is sent without asking for them.",
    ),
    Key::new(
        "media.tokenTtl",
        Kind::Number(1_000, 3_600_000),
        Some("60000"),
        "How long a media token may wait to begin a session, in milliseconds.",
    ),
    Key::new(
        "media.idleTimeout",
        Kind::Number(1_000, 3_600_000),
        Some("30000"),
        "A media session from which nothing has come for so long is ended, in milliseconds.",
    ),
    Key::new("media.peersMax", Kind::Number(1, 1_000_000), Some("2000"), "Most media sessions of a node."),
    Key::new(
        "media.roomsMax",
        Kind::Number(1, 1_000_000),
        Some("1000"),
        "Most rooms of a node with somebody's media in them.",
    ),
    Key::new(
        "media.participantsMax",
        Kind::Number(1, 100_000),
        Some("1000"),
        "Most media sessions in one room, on the node.",
    ),
    Key::new(
        "media.bandwidthMax",
        Kind::Number(0, 1_000_000_000),
        Some("0"),
        "While a node sends as much as this nobody joins, in kbit/s; 0: there is no limit.",
    ),
    Key::new(
        "media.publisherMax",
        Kind::Number(0, 10_000_000),
        Some("20000"),
        "What is taken of one who sends, in kbit/s: the rest is dropped; 0: all is taken.",
    ),
    Key::new(
        "media.joinsPerSecond",
        Kind::Number(1, 100_000),
        Some("50"),
        "So many media sessions may begin by WHIP and WHEP in a second; more get 429.",
    ),
    Key::new(
        "media.stunServers",
        Kind::List,
        Some(""),
        "URLs (stun:host:port) of the STUN servers that clients are told of.",
    ),
    Key::new(
        "media.url",
        Kind::Text,
        None,
        "URL clients reach this node's media socket by, if it is not publicUrl: that of this very node.",
    ),
    Key::new(
        "media.lostAfter",
        Kind::Number(1_000, 60_000),
        Some("2500"),
        "How long a media node may be silent before its rooms go to others, in milliseconds.",
    ),
    Key::new(
        "media.secret",
        Kind::Text,
        None,
        "What media nodes without a database and the nodes they speak to know, at least 32 characters; unset: there are none.",
    )
    .secret(),
    Key::new(
        "media.commandEndpoints",
        Kind::List,
        Some(""),
        "URLs of nodes with a database to which a process with the role media alone speaks; the next one if one is away.",
    ),
    Key::new("node.name", Kind::Text, None, "Name of this process among the others, for people; unset: the machine's.")
        .flag("--node"),
    Key::new(
        "nodes.heartbeat",
        Kind::Number(1_000, 10_000),
        Some("10000"),
        "How long a node may be silent before the others give it up, in milliseconds.",
    ),
    Key::new(
        "tls.certificate",
        Kind::Text,
        None,
        "PEM file with the certificate chain; HTTPS is served when it and tls.key are set.",
    ),
    Key::new("tls.key", Kind::Text, None, "PEM file with the certificate's private key."),
    Key::new(
        "trustedProxies",
        Kind::List,
        Some(""),
        "Addresses and networks (10.0.0.0/8) whose X-Forwarded-Proto and X-Forwarded-For are believed.",
    ),
    Key::new(
        "corsDomains",
        Kind::List,
        Some(""),
        "Hosts, origins and patterns (*.example.org) whose pages may use the interfaces, beside the deployment's own.",
    ),
    Key::new(
        "security.plainHttpOnLoopback",
        Kind::Bool,
        Some("false"),
        "Whether tokens may travel over plain HTTP when bind is a loopback address.",
    ),
    Key::new("publicUrl", Kind::Text, None, "The URL clients reach this deployment by, for links."),
    Key::new(
        "login.requestHeader",
        Kind::Text,
        Some("X-Forwarded-For"),
        "The header in which a trusted proxy says who the client is.",
    ),
    Key::new("requestBytesMax", Kind::Number(1_024, 1_073_741_824), Some("1048576"), "Largest request body, in bytes."),
    Key::new(
        "oauth2provider.accessTokenExpiration",
        Kind::Number(0, 315_360_000),
        Some("3600"),
        "Lifetime of access tokens, in seconds.",
    ),
    Key::new(
        "oauth2provider.refreshTokenExpiration",
        Kind::Number(0, 315_360_000),
        Some("1209600"),
        "Lifetime of refresh tokens, in seconds.",
    ),
    Key::new(
        "oauth2provider.maxTokens",
        Kind::Number(0, 1_000_000),
        Some("0"),
        "Most tokens a user holds at once, older ones are revoked; 0: unlimited.",
    ),
    Key::new(
        "sessions.expiration",
        Kind::Number(1_000, 315_360_000_000),
        Some("86400000"),
        "How long a session lasts after it was last used, in milliseconds.",
    ),
    Key::new("login.exclusive", Kind::Bool, Some("false"), "Whether a log-in ends the user's other sessions."),
    Key::new(
        "login.limitRateUnits",
        Kind::Number(1, 100),
        Some("5"),
        "So many failed log-ins of one name raise the alarm.",
    ),
    Key::new("login.limitRateSeconds", Kind::Number(1, 86_400), Some("10"), "Within so many seconds."),
    Key::new(
        "callAlarms.rules",
        Kind::List,
        Some(""),
        "When a call raises an alarm: `name: section.value > threshold`, `%` behind the threshold of a share.",
    ),
    Key::new("rooms.setOwner", Kind::Bool, Some("true"), "Whether who creates a room owns it."),
    Key::new(
        "rooms.updateRoomWhenOwnerLeaves",
        Kind::Bool,
        Some("true"),
        "Whether the participant of longest standing follows an owner who leaves.",
    ),
    Key::new(
        "rooms.removeAfter",
        Kind::Number(0, 3_600_000),
        Some("10000"),
        "How long a device whose sockets were cut keeps its seats, in milliseconds.",
    ),
    Key::new("rooms.participantsLimit", Kind::Number(1, 900), Some("100"), "Most devices in a room."),
    Key::new("rooms.notInACall", Kind::Bool, Some("false"), "Whether who is in a room is kept from opening another."),
    Key::new("rooms.userIdAsRoomId", Kind::Bool, Some("false"), "Whether a room is known by its creator's name."),
    Key::new(
        "rooms.hardMute",
        Kind::Bool,
        Some("false"),
        "Whether who was muted by somebody else is kept from unmuting himself.",
    ),
    Key::new(
        "rooms.bitrateKbps",
        Kind::Number(64, 100_000),
        Some("1024"),
        "Greatest bit rate of one video in a room, in kbit/s.",
    ),
    Key::new(
        "conferenceState.allowInvitesWhileInCall",
        Kind::Bool,
        Some("true"),
        "Whether who is in a room rings all the same; else the caller hears 486.",
    ),
    Key::new(
        "invites.basic.removeAfter",
        Kind::Number(0, 3_600_000),
        Some("10000"),
        "How long a device whose sockets were cut counts as ringing, in milliseconds.",
    ),
    Key::new(
        "invites.onlyOneDeviceWithInvitations",
        Kind::Bool,
        Some("false"),
        "Whether accepting declines the person's other pending invitations.",
    ),
    Key::new(
        "invites.pendingPerUser",
        Kind::Number(1, 1_000),
        Some("50"),
        "Most invitations of one caller that ring at once.",
    ),
    Key::new(
        "watchdog.invites.enabled",
        Kind::Bool,
        Some("true"),
        "Whether invitations expire; false where a SIP core governs how long it rings (they end after a day all the same).",
    ),
    Key::new(
        "watchdog.invites.period",
        Kind::Number(100, 3_600_000),
        Some("5000"),
        "How often it is looked for invitations that are over, in milliseconds.",
    ),
    Key::new(
        "watchdog.invites.expiration",
        Kind::Number(1_000, 3_600_000),
        Some("30000"),
        "How long an invitation rings, in milliseconds.",
    ),
    Key::new(
        "signaling.pingInterval",
        Kind::Number(100, 3_600_000),
        Some("20000"),
        "How often a socket is pinged, in milliseconds.",
    ),
    Key::new(
        "signaling.idleTimeout",
        Kind::Number(200, 3_600_000),
        Some("60000"),
        "A socket that is silent for so long is closed (4408), in milliseconds.",
    ),
    Key::new(
        "signaling.maxFrame",
        Kind::Number(1_024, 16_777_216),
        Some("65536"),
        "Longest frame, in bytes; a longer one closes the socket (4413).",
    ),
    Key::new(
        "signaling.sendQueue",
        Kind::Number(8, 100_000),
        Some("256"),
        "Notices that may wait for a slow reader before its socket is closed (4409).",
    ),
    Key::new(
        "signaling.sendQueueBytes",
        Kind::Number(65_536, 1_073_741_824),
        Some("1048576"),
        "Bytes that may wait for a slow reader before its socket is closed (4409).",
    ),
    Key::new(
        "signaling.requestsPerSecond",
        Kind::Number(1, 100_000),
        Some("50"),
        "Requests of one socket per second, in the long run; more close it (4429).",
    ),
    Key::new("signaling.requestsBurst", Kind::Number(1, 100_000), Some("200"), "Requests of one socket at once."),
    Key::new(
        "signaling.resumeWindow",
        Kind::Number(1_000, 31_536_000_000),
        Some("86400000"),
        "How far back a socket may resume before it is told to start over (4410), in milliseconds.",
    ),
    Key::new(
        "presence.autoSubscribe",
        Kind::Number(0, 1_000),
        Some("100"),
        "In domains of up to so many users everybody is told of everybody's presence.",
    ),
    Key::new(
        "quickConference.uriRegex",
        Kind::Text,
        Some(r"^wac-conf\d{20}$"),
        "What the URI of a quick conference looks like.",
    ),
    Key::new("agentassigner.enabled", Kind::Bool, Some("true"), "Whether `wac-agent` can be called."),
    Key::new(
        "agentassigner.externalAssignerUrl",
        Kind::Text,
        None,
        "Who picks the agents, asked over HTTP; unset: the agent who has been idle longest.",
    ),
    Key::new(
        "agentassigner.allowPrivateAddresses",
        Kind::Bool,
        Some("false"),
        "Whether that URL may lead into a private network.",
    ),
    Key::new(
        "agentassigner.timeout",
        Kind::Number(100, 30_000),
        Some("3000"),
        "How long the external assigner may take, in milliseconds.",
    ),
    Key::new("data", Kind::Text, None, "Directory of the embedded database.").flag("--data"),
    Key::new("database.url", Kind::Text, None, "postgres://… or sqlite://…; without it, SQLite in the data directory.")
        .alias("WAC_DATABASE_URL")
        .flag("--database-url")
        .secret(),
    Key::new(
        "masterKey",
        Kind::Text,
        None,
        "The deployment's key: 32 bytes in base64url without padding (43 characters).",
    )
    .secret(),
    Key::new("masterKeyFile", Kind::Text, None, "File that holds the deployment's key."),
    Key::new("domains.base", Kind::Text, Some("quobis"), "Name of the base domain, in which bare user names log in."),
    Key::new("kafka.brokers", Kind::List, Some(""), "host:port of Kafka brokers; the relay runs when there are any.")
        .alias("WAC_KAFKA_BROKERS"),
    Key::new(
        "kafka.client",
        Kind::Pairs,
        Some(""),
        "Settings of the Kafka client, as librdkafka names them (security.protocol, sasl.mechanism …).",
    )
    .secret(),
    Key::new(
        "relay.cluster",
        Kind::Text,
        Some("default"),
        "Name of the deployment in the source of every event in Kafka.",
    ),
    Key::new(
        "relay.partitions",
        Kind::Number(1, 10_000),
        Some("8"),
        "Partitions of topics that are created; fixed for their life.",
    ),
    Key::new(
        "relay.replication",
        Kind::Number(0, 100),
        Some("0"),
        "Replicas of topics that are created; 0 leaves it to the broker.",
    ),
    Key::new("relay.topic", Kind::Pairs, Some(""), "Settings of event topics that are created (retention.ms …)."),
    Key::new(
        "relay.personalFields",
        Kind::OneOf(&["encrypted", "omitted", "clear"]),
        Some("encrypted"),
        "How personal fields go to Kafka; clear copies them where erasure cannot reach.",
    ),
    Key::new("log.filter", Kind::Text, Some(DEFAULT_LOG_FILTER), "What is logged: a level, or target=level pairs.")
        .alias("WAC_LOG"),
    Key::new("log.format", Kind::OneOf(&["text", "json"]), Some("json"), "How log lines look."),
];

/// The key of this name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The known name nearest to a mistyped one, if any is near.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// A suggestion may differ in this share of its letters.
    const LIKENESS_MIN: f64 = 0.6;
    known
        .map(|candidate| {
            (strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase()), candidate)
        })
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_nests_by_two_underscores_and_splits_words_by_one() {
        let variable = |name| find(name).expect("a key").variable();
        assert_eq!(variable("http.port"), "WAC_HTTP__PORT");
        assert_eq!(variable("trustedProxies"), "WAC_TRUSTED_PROXIES");
        assert_eq!(variable("relay.personalFields"), "WAC_RELAY__PERSONAL_FIELDS");
        assert_eq!(variable("masterKeyFile"), "WAC_MASTER_KEY_FILE");
    }

    #[test]
    fn every_default_is_a_value_its_key_may_hold() {
        for key in KEYS {
            if let Some(default) = key.default {
                crate::config::value::Value::from_text(key, default)
                    .unwrap_or_else(|why| panic!("{}: {why}", key.name));
            }
        }
    }

    #[test]
    fn a_mistyped_key_is_answered_with_the_nearest_one_and_nonsense_with_none() {
        let names = || KEYS.iter().map(|key| key.name);
        assert_eq!(nearest("http.prot", names()), Some("http.port"));
        assert_eq!(nearest("relay.personal_fields", names()), Some("relay.personalFields"));
        assert_eq!(nearest("zzzzzz", names()), None);
    }

    /// One row of the table in `docs/configuration.md`.
    fn documented(key: &Key) -> String {
        let default = match key.default {
            None => "unset".to_owned(),
            Some("") => "empty".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        let variable = key.alias.map_or_else(|| key.variable(), str::to_owned);
        let flag = key.flag.map_or_else(String::new, |flag| format!(" `{flag}`"));
        format!("| `{}` | `{variable}`{flag} | {default} | {} |", key.name, key.help)
    }

    #[test]
    fn the_documentation_lists_every_key_as_it_is() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
        let documentation = std::fs::read_to_string(path).unwrap();
        let missing: Vec<String> =
            KEYS.iter().map(documented).filter(|row| !documentation.lines().any(|line| line == row)).collect();
        assert!(missing.is_empty(), "docs/configuration.md lacks\n{}", missing.join("\n"));
    }
}
