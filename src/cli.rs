//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::CommandLine;
use crate::output::Format;

/// Where `wac dev` keeps its data, and where the other commands look for it.
pub(crate) const DEV_DATA: &str = "./wac-data";

/// WebRTC application controller: an event-sourced platform for real-time communication.
#[derive(Parser, Debug)]
#[command(name = "wac", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What `wac` can do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run the whole platform in one process on this machine, with everything it needs inside.
    Dev(DevArgs),
    /// Run the platform, or some of its roles, as configured.
    Serve(ServeArgs),
    /// Bring the database to the version this program needs.
    Migrate(SourceArgs),
    /// Check database, Kafka, clock, ports, disk and keys, and say what to do.
    Doctor(DoctorArgs),
    /// Administrators.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Configuration: what holds, and why.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print events of the log.
    Events(EventsArgs),
    /// Fold the log again: verify every read model, show a state of the past, or tell a call step by step.
    Replay(ReplayArgs),
    /// The log as a whole.
    #[command(subcommand)]
    Log(LogCommand),
    /// Read models.
    #[command(subcommand)]
    Projections(ProjectionsCommand),
    /// Measure, each figure with its floor beside it.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Which log, and under which configuration.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SourceArgs {
    /// Data directory of an embedded database; ./wac-data if it is there and nothing else is named.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Directory with configuration files (*.toml).
    #[arg(long, value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,
    /// postgres://… or sqlite://…; better in WAC_DATABASE_URL, where `ps` does not show it.
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Set any configuration key.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
}

impl SourceArgs {
    /// What these options say to the configuration.
    pub(crate) fn command_line(&self, command: &'static str) -> CommandLine {
        let mut line = CommandLine { directory: self.config.clone(), command, ..CommandLine::default() };
        line.option("--data", "data", self.data.as_ref().map(|path| path.display()));
        line.option("--database-url", "database.url", self.database_url.as_ref());
        for (key, value) in &self.set {
            line.option("--set", key, Some(value));
        }
        line
    }
}

/// Where to listen.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ListenArgs {
    /// Address to listen on; loopback only unless given.
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Option<IpAddr>,
    /// Port of plain HTTP; 0 takes any free one.
    #[arg(long, value_name = "PORT")]
    pub(crate) http_port: Option<u16>,
    /// Port of HTTPS; 0 takes any free one.
    #[arg(long, value_name = "PORT")]
    pub(crate) https_port: Option<u16>,
    /// Port of the signaling sockets; 0 takes any free one.
    #[arg(long, value_name = "PORT")]
    pub(crate) qss_port: Option<u16>,
    /// Port of /metrics, /livez and /readyz alone; 0 takes any free one.
    #[arg(long, value_name = "PORT")]
    pub(crate) metrics_port: Option<u16>,
    /// UDP port of the media of all participants; 0 takes any free one.
    #[arg(long, value_name = "PORT")]
    pub(crate) media_port: Option<u16>,
    /// Name of this process among the others, for people; the machine's unless given.
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Option<String>,
}

impl ListenArgs {
    /// Adds what these options say.
    pub(crate) fn add_to(&self, line: &mut CommandLine) {
        line.option("--bind", "bind", self.bind);
        line.option("--http-port", "http.port", self.http_port);
        line.option("--https-port", "https.port", self.https_port);
        line.option("--qss-port", "qss.port", self.qss_port);
        line.option("--metrics-port", "metrics.port", self.metrics_port);
        line.option("--media-port", "media.port", self.media_port);
        line.option("--node", "node.name", self.node.as_ref());
    }
}

/// `wac dev`.
#[derive(Args, Debug)]
pub(crate) struct DevArgs {
    /// Which log.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Where to listen.
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
    /// At first start, make only the base domain and its administrator.
    #[arg(long)]
    pub(crate) no_seed: bool,
}

/// `wac serve`.
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// Which log.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Where to listen.
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
    /// What this process does: any of api, signaling, projector, relay, processes, media.
    #[arg(long, value_name = "ROLE,…")]
    pub(crate) roles: Option<String>,
}

/// `wac doctor`.
#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    /// Which log.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// How to print.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    pub(crate) output: Format,
}

/// `wac admin`.
#[derive(Subcommand, Debug)]
pub(crate) enum AdminCommand {
    /// Create an administrator. The password is read from standard input or WAC_ADMIN_PASSWORD;
    /// without either one is generated and printed.
    Create {
        /// Which log.
        #[command(flatten)]
        source: SourceArgs,
        /// The name to log in with.
        #[arg(long)]
        username: String,
        /// The domain, by name; made if it is the base domain and not there yet.
        #[arg(long)]
        domain: Option<String>,
        /// Read the password from standard input, first line.
        #[arg(long)]
        password_stdin: bool,
    },
}

/// `wac config`.
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Print a key's value, and every source that says something about it.
    Explain {
        /// The key, `http.port`.
        key: String,
        /// Which sources.
        #[command(flatten)]
        source: SourceArgs,
        /// How to print.
        #[arg(short = 'o', long = "output", value_enum, default_value_t)]
        output: Format,
    },
    /// Check the configuration without starting anything.
    Check {
        /// Which sources.
        #[command(flatten)]
        source: SourceArgs,
    },
    /// Print every key with its value and source.
    Print {
        /// Which sources.
        #[command(flatten)]
        source: SourceArgs,
        /// How to print.
        #[arg(short = 'o', long = "output", value_enum, default_value_t)]
        output: Format,
    },
}

/// `wac events`.
#[derive(Args, Debug)]
pub(crate) struct EventsArgs {
    /// Which log.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Only this stream (user-0193…).
    #[arg(long)]
    pub(crate) stream: Option<String>,
    /// The whole story of the call that this stream (room-…, invite-…, transfer-…) is part of.
    #[arg(long, requires = "stream", conflicts_with = "call")]
    pub(crate) related: bool,
    /// The whole story of one call: rooms, invitations, transfers, and devices that came or went.
    /// ID is a room's, an invitation's, a transfer's, or an event's correlationId.
    #[arg(long, value_name = "ID", conflicts_with = "stream")]
    pub(crate) call: Option<String>,
    /// Only this type (user.created) or aggregate (user.*); may be repeated.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<String>,
    /// Only this domain, by name or id.
    #[arg(long)]
    pub(crate) domain: Option<String>,
    /// Only positions greater than this.
    #[arg(long, value_name = "POSITION")]
    pub(crate) after: Option<u64>,
    /// Only positions less than this.
    #[arg(long, value_name = "POSITION")]
    pub(crate) before: Option<u64>,
    /// At most this many events [default: 100; a call's story, and --follow: no limit].
    #[arg(long)]
    pub(crate) limit: Option<u64>,
    /// Go on with new events as they come; without --after, from now on. A call's story is told
    /// from its beginning.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// How to print; json is one event a line.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    pub(crate) output: Format,
}

/// `wac replay`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["verify", "stream", "call"]))]
pub(crate) struct ReplayArgs {
    /// Which log.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Fold every stream, build every read model anew and compare it with the live one.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Show this stream's state.
    #[arg(long)]
    pub(crate) stream: Option<String>,
    /// Tell this call step by step, with what was refused: a room, an opening, an invitation, a transfer or a stream.
    #[arg(long, value_name = "ID")]
    pub(crate) call: Option<String>,
    /// The domain of the call's room, by name or id, if several have one of that id.
    #[arg(long, requires = "call")]
    pub(crate) domain: Option<String>,
    /// As it was at this time (RFC 3339) or position; the present if left out.
    #[arg(long, value_name = "TIME|POSITION", requires = "stream")]
    pub(crate) as_of: Option<String>,
    /// How to print.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    pub(crate) output: Format,
}

/// `wac log`.
#[derive(Subcommand, Debug)]
pub(crate) enum LogCommand {
    /// Check positions, versions, times and payloads of the whole log.
    Verify {
        /// Which log.
        #[command(flatten)]
        source: SourceArgs,
        /// How to print.
        #[arg(short = 'o', long = "output", value_enum, default_value_t)]
        output: Format,
    },
    /// Write the whole log as NDJSON.
    Export {
        /// Which log.
        #[command(flatten)]
        source: SourceArgs,
        /// Carry the keys of personal data too; whoever holds such a file can read everything.
        #[arg(long)]
        with_keys: bool,
        /// The file; - for standard output.
        file: PathBuf,
    },
    /// Read an export into an empty log.
    Import {
        /// Which log.
        #[command(flatten)]
        source: SourceArgs,
        /// The file; - for standard input.
        file: PathBuf,
    },
}

/// `wac projections`.
#[derive(Subcommand, Debug)]
pub(crate) enum ProjectionsCommand {
    /// List read models: version, position, how far behind.
    List {
        /// Which log.
        #[command(flatten)]
        source: SourceArgs,
        /// How to print.
        #[arg(short = 'o', long = "output", value_enum, default_value_t)]
        output: Format,
    },
    /// Build a read model anew; the live rows stay served until the new ones have caught up.
    Rebuild {
        /// Which log.
        #[command(flatten)]
        source: SourceArgs,
        /// Its name.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
        /// Every one.
        #[arg(long)]
        all: bool,
        /// How to print.
        #[arg(short = 'o', long = "output", value_enum, default_value_t)]
        output: Format,
    },
}

/// `wac bench`.
#[derive(Subcommand, Debug)]
pub(crate) enum BenchCommand {
    /// Appends, beside fdatasync and plain inserts.
    Log(BenchArgs),
    /// Folding and rebuilding.
    Replay(ReplayBenchArgs),
    /// Log to Kafka, beside a bare producer.
    Relay(BenchArgs),
    /// HTTP requests, beside a bare handler; and what an idle `wac dev` costs.
    Sapi(BenchArgs),
    /// Calls over signaling sockets, beside one durable append; memory of idle sessions; thousands
    /// who come back at once.
    Signaling(SignalingBenchArgs),
    /// Packets that the media node sends on to many, beside a bare encrypted send of the same packets; memory of
    /// those who receive.
    Sfu(SfuBenchArgs),
}

/// Every benchmark's options.
#[derive(Args, Clone, Debug)]
pub(crate) struct BenchArgs {
    /// Where to measure; a fresh directory of its own if nothing is named.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// How long each measurement takes, in seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: u64,
    /// Concurrent clients.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=4096))]
    pub(crate) clients: u64,
    /// How to print.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    pub(crate) output: Format,
}

/// `wac bench replay`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReplayBenchArgs {
    /// What every benchmark has.
    #[command(flatten)]
    pub(crate) bench: BenchArgs,
    /// Fill the log that is named with made-up events first; it must be empty.
    #[arg(long)]
    pub(crate) fill: bool,
}

/// `wac bench signaling`.
#[derive(Args, Clone, Debug)]
pub(crate) struct SignalingBenchArgs {
    /// Where to measure: in a scratch database beside the one named (PostgreSQL: the role must be
    /// allowed to create databases), else in a fresh directory.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Measure only this; may be repeated.
    #[arg(long, value_enum)]
    pub(crate) only: Vec<SignalingPart>,
    /// Calls a second that are offered, one load after the other.
    #[arg(long, value_name = "RATE,…", value_delimiter = ',', default_values_t = [1, 50, 500],
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rates: Vec<u32>,
    /// How long each load lasts, in seconds.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: u64,
    /// Clients: half of them call the other half; all of them come back at once.
    #[arg(long, default_value_t = 5_000, value_parser = clients)]
    pub(crate) clients: usize,
    /// Domains they are spread over.
    #[arg(long, default_value_t = 50, value_parser = clients)]
    pub(crate) domains: usize,
    /// How to print.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    pub(crate) output: Format,
}

/// `wac bench sfu`.
#[derive(Args, Clone, Debug)]
pub(crate) struct SfuBenchArgs {
    /// Where to measure: in a scratch database beside the one named, else in a fresh directory.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Measure only this; may be repeated.
    #[arg(long, value_enum)]
    pub(crate) only: Vec<SfuPart>,
    /// How long each row is measured, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: u64,
    /// How to print.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    pub(crate) output: Format,
}

/// A part of `wac bench sfu`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum SfuPart {
    /// One picture to a hundred, at full and at half the rate.
    One,
    /// Ten rooms of ten.
    Rooms,
    /// One voice to three hundred.
    Audio,
}

/// A part of `wac bench signaling`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum SignalingPart {
    /// Calls at each rate.
    Calls,
    /// Idle sessions.
    Memory,
    /// Everybody comes back at once.
    Reconnect,
}

fn clients(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| (1..=100_000).contains(number)).ok_or_else(|| "expected 1 to 100000".to_owned())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| "expected KEY=VALUE".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_tree_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
