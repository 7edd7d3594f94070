//! The keys of a connection, as its DTLS handshake yields them (RFC 5764): the library that does the handshake keeps
//! them to itself, so its handshakes are made through a provider that looks on.

use std::cell::Cell;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion, SrtpProfile,
};
use str0m::crypto::{CryptoError, CryptoProvider, from_feature_flags};

/// What a handshake has yielded.
pub(crate) struct Keying {
    pub profile: SrtpProfile,
    /// Keys of the client and of the server, then their salts.
    material: Vec<u8>,
    /// Whether our side was the client of the handshake.
    is_client: bool,
}

/// A master key with its salt.
#[derive(Clone, Copy)]
pub(crate) struct Master<'a> {
    pub key: &'a [u8],
    pub salt: &'a [u8],
}

impl Keying {
    /// What our side encrypts with.
    pub(crate) fn ours(&self) -> Option<Master<'_>> {
        self.of(self.is_client)
    }

    /// What the other side encrypts with.
    pub(crate) fn theirs(&self) -> Option<Master<'_>> {
        self.of(!self.is_client)
    }

    fn of(&self, client: bool) -> Option<Master<'_>> {
        let (key, salt) = match self.profile {
            SrtpProfile::AES128_CM_SHA1_80 => (16, 14),
            SrtpProfile::AEAD_AES_128_GCM => (16, 12),
            SrtpProfile::AEAD_AES_256_GCM => (32, 12),
            _ => return None,
        };
        let place = usize::from(!client);
        let (keys, salts) = self.material.split_at_checked(2 * key)?;
        Some(Master {
            key: keys.get(place * key..(place + 1) * key)?,
            salt: salts.get(place * salt..(place + 1) * salt)?,
        })
    }
}

thread_local! {
    /// What the handshake that this thread polled last has yielded.
    static YIELDED: Cell<Option<Keying>> = const { Cell::new(None) };
}

/// What a connection that has just been polled on this thread has yielded.
pub(crate) fn yielded() -> Option<Keying> {
    YIELDED.take()
}

/// The cryptography of a connection whose keys are to be seen by [`yielded`].
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(CryptoProvider { dtls_provider: &Onlooker, ..from_feature_flags() })).clone()
}

/// Makes handshakes that are looked on at.
#[derive(Debug)]
struct Onlooker;

impl DtlsProvider for Onlooker {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        from_feature_flags().dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let handshake = from_feature_flags().dtls_provider.new_dtls(certificate, now, version, mtu)?;
        Ok(Box::new(Watched(handshake)))
    }
}

/// A handshake that is looked on at.
#[derive(Debug)]
struct Watched(Box<dyn DtlsInstance>);

impl DtlsInstance for Watched {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let is_client = self.0.is_active();
        let output = self.0.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            YIELDED.set(Some(Keying { profile: *profile, material: material.to_vec(), is_client }));
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
