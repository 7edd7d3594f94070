//! A real Apache Kafka: one node, KRaft mode, from its Maven artifacts.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::postgres::shell_removal;
use super::process::{Daemon, log_tail, run, wait_until};
use super::{cache_directory, free_port};

/// The broker's version.
pub const KAFKA_VERSION: &str = "4.3.1";

/// How long a start may take; after `kill -9` the broker waits for its own old session to end.
const START_TIMEOUT: Duration = Duration::from_secs(90);
/// How long a clean stop may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// Ports found free may be taken before the server binds them; so many other pairs are tried.
const START_ATTEMPTS: u32 = 3;
/// How long the broker may take to answer one probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// The most memory a probe's answer may claim, in bytes.
const PROBE_ANSWER_BYTES_MAX: u32 = 64 * 1024;
/// Any 16 bytes will do: every node is a cluster of its own.
const CLUSTER_ID: &str = "d2FjLXRlc3QtY2x1c3RlcgA";

const LOG4J: &str = "rootLogger.level = WARN
rootLogger.appenderRef.console.ref = Console
appender.console.type = Console
appender.console.name = Console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %m (%c)%n
";

/// How a broker is set up.
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// Where it lives; `None`: a temporary directory, removed with the handle.
    pub directory: Option<PathBuf>,
    /// The JVM's heap at most, in MiB.
    pub heap_mib: u32,
    /// Broker settings added to its properties file, name and value.
    pub settings: Vec<(String, String)>,
}

impl Default for KafkaOptions {
    fn default() -> Self {
        Self { directory: None, heap_mib: 512, settings: Vec::new() }
    }
}

/// A running (or stopped, or killed) broker. Topics are not created by themselves.
#[derive(Debug)]
pub struct Kafka {
    daemon: Option<Daemon>,
    jars: PathBuf,
    directory: PathBuf,
    port: u16,
    options: KafkaOptions,
    _temporary: Option<TempDir>,
}

impl Kafka {
    /// A broker in a temporary directory.
    pub fn start() -> Result<Self> {
        Self::start_with(KafkaOptions::default())
    }

    /// A broker as `options` say.
    pub fn start_with(options: KafkaOptions) -> Result<Self> {
        let jars = Self::fetch()?;
        let (directory, temporary) = match &options.directory {
            Some(directory) => (directory.clone(), None),
            None => {
                let temporary = tempfile::Builder::new().prefix("wac-kafka-").tempdir()?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        std::fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        let mut broker = Self { daemon: None, jars, directory, port: 0, options, _temporary: temporary };
        for attempt in 1.. {
            broker.port = free_port()?;
            broker.write_configuration(free_port()?)?;
            match broker.format().and_then(|()| broker.restart()) {
                Ok(()) => break,
                Err(error) if attempt == START_ATTEMPTS => return Err(error),
                Err(_) => {}
            }
        }
        Ok(broker)
    }

    /// Downloads the broker's jars through Maven unless they are in the cache; returns their directory.
    pub fn fetch() -> Result<PathBuf> {
        let cache = cache_directory().join("kafka");
        let jars = cache.join(KAFKA_VERSION);
        if jars.is_dir() {
            return Ok(jars);
        }
        std::fs::create_dir_all(&cache).with_context(|| cache.display().to_string())?;
        let staging = tempfile::Builder::new().prefix("fetch-").tempdir_in(&cache)?;
        let pom = staging.path().join("pom.xml");
        std::fs::write(&pom, pom_of("kafka_2.13"))?;
        let output = staging.path().join("lib");
        let target = format!("-DoutputDirectory={}", output.display());
        run(Command::new("mvn").args(["-q", "-B", "-f"]).arg(&pom).args(["dependency:copy-dependencies", &target]))
            .context("fetching Kafka with Maven (`cargo xtask setup` installs Maven)")?;
        match std::fs::rename(&output, &jars) {
            Err(_) if jars.is_dir() => Ok(jars), // Another process was faster.
            outcome => outcome.context("moving Kafka into the cache").map(|()| jars),
        }
    }

    /// Bootstrap servers, `127.0.0.1:PORT`; the same after a restart.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where the broker keeps its files.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The broker's log file (its own messages).
    pub fn log_file(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// Clean shutdown.
    pub fn stop(&mut self) -> Result<()> {
        match self.daemon.take() {
            Some(daemon) => daemon.stop("TERM", STOP_TIMEOUT).context("stopping Kafka"),
            None => Ok(()),
        }
    }

    /// `kill -9`.
    pub fn kill9(&mut self) -> Result<()> {
        match self.daemon.take() {
            Some(daemon) => daemon.kill9().context("killing Kafka"),
            None => Ok(()),
        }
    }

    /// Starts it again on the same port and data (stopping it first if it runs); returns when it
    /// answers requests: some 3 s after a clean stop, 4 s after [`Kafka::kill9`].
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        let heap = format!("-Xmx{}m", self.options.heap_mib);
        let log4j = format!("-Dlog4j2.configurationFile=file:{}", self.directory.join("log4j2.properties").display());
        let class_path = format!("{}/*", self.jars.display());
        let configuration = self.configuration_file().display().to_string();
        let words = ["java", &heap, "-XX:+UseSerialGC", "-cp", &class_path, &log4j, "kafka.Kafka", &configuration];
        let clean_up = if self._temporary.is_some() { shell_removal(&self.directory) } else { String::new() };
        let mut daemon =
            Daemon::spawn(&words.map(Into::into), &self.log_file(), &format!("kill -KILL $1; sleep 1; {clean_up}"))?;
        let mut ended = false;
        let ready = wait_until(START_TIMEOUT, || {
            ended = daemon.has_ended();
            ended || answers(self.port)
        });
        if ended || !ready {
            let _ = daemon.kill9();
            bail!("Kafka on port {} did not start; its log ends:\n{}", self.port, log_tail(&self.log_file()));
        }
        self.daemon = Some(daemon);
        Ok(())
    }

    fn configuration_file(&self) -> PathBuf {
        self.directory.join("server.properties")
    }

    fn write_configuration(&self, controller_port: u16) -> Result<()> {
        let port = self.port;
        let data = self.directory.join("data");
        let mut text = format!(
            "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=300
",
            data.display()
        );
        self.options.settings.iter().for_each(|(name, value)| text.push_str(&format!("{name}={value}\n")));
        std::fs::write(self.configuration_file(), text).context("writing Kafka's configuration")?;
        std::fs::write(self.directory.join("log4j2.properties"), LOG4J).context("writing Kafka's configuration")
    }

    fn format(&self) -> Result<()> {
        if self.directory.join("data/meta.properties").exists() {
            return Ok(());
        }
        let class_path = format!("{}/*", self.jars.display());
        let mut command = Command::new("java");
        command.args(["-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", &class_path]);
        command.args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"]).arg(self.configuration_file());
        run(&mut command).context("formatting Kafka's data directory").map(drop)
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let outcome = if self._temporary.is_some() { self.kill9() } else { self.stop() };
        if let Err(error) = outcome {
            eprintln!("{error:#}");
        }
    }
}

/// Whether a broker on `port` answers an `ApiVersions` request (key 18, version 0).
fn answers(port: u16) -> bool {
    let probe = || -> std::io::Result<bool> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut socket = TcpStream::connect_timeout(&address, PROBE_TIMEOUT)?;
        socket.set_read_timeout(Some(PROBE_TIMEOUT))?;
        // Length 10, key 18, version 0, correlation 7, client id "".
        socket.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0, 0])?;
        let mut head = [0u8; 8];
        socket.read_exact(&mut head)?;
        let [length, correlation] =
            [0, 4].map(|at| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
        Ok(correlation == 7 && length <= PROBE_ANSWER_BYTES_MAX)
    };
    probe().unwrap_or(false)
}

fn pom_of(artifact: &str) -> String {
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>
<groupId>wac.test</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>{artifact}</artifactId>
<version>{KAFKA_VERSION}</version></dependency></dependencies></project>\n"
    )
}
