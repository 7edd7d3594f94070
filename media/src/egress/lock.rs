//! SRTP and SRTCP (RFC 3711, RFC 7714): one direction of a connection, sealed in place.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{cipher, hmac};
use str0m::crypto::dtls::SrtpProfile;

use super::keys::Master;

/// The header of an SRTCP packet, which is not encrypted.
const RTCP_CLEAR: usize = 8;
/// "Encrypted", in front of the index of an SRTCP packet.
const ENCRYPTED: u32 = 1 << 31;
/// Most bytes that sealing adds.
pub(crate) const SEAL_BYTES_MAX: usize = GCM_TAG + INDEX;
const GCM_TAG: usize = 16;
const HMAC_TAG: usize = 10;
const INDEX: usize = 4;

/// What seals and opens the packets of one side.
pub(crate) struct Lock {
    rtp: Cipher,
    rtcp: Cipher,
    /// Of the next SRTCP packet.
    rtcp_index: u32,
}

#[allow(clippy::large_enum_variant, reason = "the greater one is at hand for every packet")]
enum Cipher {
    Gcm { key: LessSafeKey, salt: [u8; 12] },
    Counter { key: EncryptingKey, authenticity: hmac::Key, salt: [u8; 14] },
}

impl Lock {
    /// `None`: the material is not of this profile, or it is none that we speak.
    pub(crate) fn new(profile: SrtpProfile, master: Master<'_>) -> Option<Self> {
        Some(Self { rtp: Cipher::new(profile, master, 0)?, rtcp: Cipher::new(profile, master, 3)?, rtcp_index: 0 })
    }

    /// How much longer a packet of media becomes.
    pub(crate) fn rtp_overhead(&self) -> usize {
        self.rtp.tag()
    }

    /// Seals a packet of media behind its header of `clear` bytes. `index`: its extended sequence number.
    pub(crate) fn seal_rtp(&self, packet: &mut Vec<u8>, clear: usize, source: u32, index: u64) -> Option<()> {
        match &self.rtp {
            Cipher::Gcm { key, salt } => {
                let nonce = gcm_nonce(salt, source, index);
                let (header, body) = packet.split_at_mut_checked(clear)?;
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&*header), body).ok()?;
                packet.extend_from_slice(tag.as_ref());
            }
            Cipher::Counter { key, authenticity, salt } => {
                count(key, salt, source, index, packet.get_mut(clear..)?)?;
                let mut signing = hmac::Context::with_key(authenticity);
                signing.update(packet);
                signing.update(&((index >> 16) as u32).to_be_bytes());
                packet.extend_from_slice(signing.sign().as_ref().get(..HMAC_TAG)?);
            }
        }
        Some(())
    }

    /// Seals a compound of reports.
    pub(crate) fn seal_rtcp(&mut self, packet: &mut Vec<u8>) -> Option<()> {
        let source = source_of(packet)?;
        let index = self.rtcp_index;
        self.rtcp_index = (index + 1) & !ENCRYPTED;
        let marked = (index | ENCRYPTED).to_be_bytes();
        match &self.rtcp {
            Cipher::Gcm { key, salt } => {
                let (header, body) = packet.split_at_mut_checked(RTCP_CLEAR)?;
                let clear = [&*header, &marked].concat();
                let nonce = gcm_nonce(salt, source, u64::from(index));
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(clear), body).ok()?;
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&marked);
            }
            Cipher::Counter { key, authenticity, salt } => {
                count(key, salt, source, u64::from(index), packet.get_mut(RTCP_CLEAR..)?)?;
                packet.extend_from_slice(&marked);
                let tag = hmac::sign(authenticity, packet);
                packet.extend_from_slice(tag.as_ref().get(..HMAC_TAG)?);
            }
        }
        Some(())
    }

    /// Opens a compound of reports in place, and tells who sent it and its index. `None`: it is not authentic.
    pub(crate) fn open_rtcp(&self, packet: &mut Vec<u8>) -> Option<(u32, u32)> {
        let source = source_of(packet)?;
        let tail = if matches!(self.rtcp, Cipher::Gcm { .. }) { INDEX } else { INDEX + HMAC_TAG };
        let index_at = packet.len().checked_sub(tail).filter(|at| *at >= RTCP_CLEAR)?;
        let marked: [u8; INDEX] = packet.get(index_at..index_at + INDEX)?.try_into().ok()?;
        let index = u32::from_be_bytes(marked);
        if index & ENCRYPTED == 0 {
            return None;
        }
        let index = index & !ENCRYPTED;
        match &self.rtcp {
            Cipher::Gcm { key, salt } => {
                packet.truncate(index_at);
                let (header, body) = packet.split_at_mut_checked(RTCP_CLEAR)?;
                let clear = [&*header, &marked].concat();
                let opened = key.open_in_place(gcm_nonce(salt, source, u64::from(index)), Aad::from(clear), body);
                let length = opened.ok()?.len();
                packet.truncate(RTCP_CLEAR + length);
            }
            Cipher::Counter { key, authenticity, salt } => {
                let (signed, tag) = packet.split_at_checked(index_at + INDEX)?;
                let expected = hmac::sign(authenticity, signed);
                let expected = expected.as_ref().get(..HMAC_TAG)?;
                aws_lc_rs::constant_time::verify_slices_are_equal(expected, tag).ok()?;
                packet.truncate(index_at);
                count(key, salt, source, u64::from(index), packet.get_mut(RTCP_CLEAR..)?)?;
            }
        }
        Some((source, index))
    }
}

impl Cipher {
    /// `label`: of its encryption key (RFC 3711 §4.3.2); those of authentication and salt follow.
    fn new(profile: SrtpProfile, master: Master<'_>, label: u8) -> Option<Self> {
        let gcm = |algorithm: &'static Algorithm| {
            let mut key = vec![0; algorithm.key_len()];
            derive(master, label, &mut key)?;
            let mut salt = [0; 12];
            derive(master, label + 2, &mut salt)?;
            Some(Self::Gcm { key: LessSafeKey::new(UnboundKey::new(algorithm, &key).ok()?), salt })
        };
        match profile {
            SrtpProfile::AEAD_AES_128_GCM => gcm(&AES_128_GCM),
            SrtpProfile::AEAD_AES_256_GCM => gcm(&AES_256_GCM),
            SrtpProfile::AES128_CM_SHA1_80 => {
                let (mut key, mut authenticity, mut salt) = ([0; 16], [0; 20], [0; 14]);
                derive(master, label, &mut key)?;
                derive(master, label + 1, &mut authenticity)?;
                derive(master, label + 2, &mut salt)?;
                let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, &key).ok()?).ok()?;
                let authenticity = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &authenticity);
                Some(Self::Counter { key, authenticity, salt })
            }
            _ => None,
        }
    }

    fn tag(&self) -> usize {
        if matches!(self, Self::Gcm { .. }) { GCM_TAG } else { HMAC_TAG }
    }
}

/// Who sent a compound of reports.
fn source_of(packet: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(packet.get(4..8)?.try_into().ok()?))
}

/// RFC 7714 §8.1, §9.1: both are the source and a number of 48 bits, upon the salt.
fn gcm_nonce(salt: &[u8; 12], source: u32, index: u64) -> Nonce {
    let mut nonce = *salt;
    let source = u128::from(source) << 48;
    let unsalted = (source | u128::from(index & 0xffff_ffff_ffff)).to_be_bytes();
    nonce.iter_mut().zip(&unsalted[4..]).for_each(|(byte, unsalted)| *byte ^= unsalted);
    Nonce::assume_unique_for_key(nonce)
}

/// Encrypts or decrypts in counter mode (RFC 3711 §4.1.1).
fn count(key: &EncryptingKey, salt: &[u8; 14], source: u32, index: u64, body: &mut [u8]) -> Option<()> {
    let unsalted = (u128::from(source) << 64 | u128::from(index) << 16).to_be_bytes();
    let mut counter = [0; 16];
    counter[..14].copy_from_slice(salt);
    counter.iter_mut().zip(unsalted).for_each(|(byte, unsalted)| *byte ^= unsalted);
    key.less_safe_encrypt(body, EncryptionContext::Iv128(FixedLength::from(counter))).ok()?;
    Some(())
}

/// A session key (RFC 3711 §4.3.1, RFC 7714 §11), key derivation rate 0.
fn derive(master: Master<'_>, label: u8, out: &mut [u8]) -> Option<()> {
    let algorithm = if master.key.len() == 32 { &cipher::AES_256 } else { &AES_128 };
    let key = EncryptingKey::ctr(UnboundCipherKey::new(algorithm, master.key).ok()?).ok()?;
    let mut counter = [0; 16];
    counter.get_mut(..master.salt.len())?.copy_from_slice(master.salt);
    counter[7] ^= label;
    out.fill(0);
    key.less_safe_encrypt(out, EncryptionContext::Iv128(FixedLength::from(counter))).ok()?;
    Some(())
}

#[cfg(test)]
mod tests {
    use rtc::srtp::context::Context;
    use rtc::srtp::protection_profile::ProtectionProfile;

    use super::*;

    /// The test vector of RFC 3711 §B.3.
    #[test]
    fn session_keys_are_those_of_the_standard() {
        let key = 0xE1F9_7A0D_3E01_8BE0_D64F_A32C_06DE_4139_u128.to_be_bytes();
        let salt = &0x0EC6_75AD_498A_FEEB_B696_0B3A_ABE6_u128.to_be_bytes()[2..];
        let master = Master { key: &key, salt };
        let derived = |label: u8, length: usize| {
            let mut out = vec![0; length];
            derive(master, label, &mut out).unwrap();
            out
        };
        assert_eq!(derived(0, 16), 0xC61E_7A93_744F_39EE_1073_4AFE_3FF7_A087_u128.to_be_bytes());
        assert_eq!(derived(2, 14), 0x30CB_BC08_863D_8C85_D49D_B34A_9AE1_u128.to_be_bytes()[2..]);
        assert_eq!(derived(1, 20)[..4], [0xCE, 0xBE, 0x32, 0x1F]);
    }

    fn theirs(profile: SrtpProfile) -> ProtectionProfile {
        match profile {
            SrtpProfile::AEAD_AES_256_GCM => ProtectionProfile::AeadAes256Gcm,
            SrtpProfile::AEAD_AES_128_GCM => ProtectionProfile::AeadAes128Gcm,
            _ => ProtectionProfile::Aes128CmHmacSha1_80,
        }
    }

    /// What another stack opens, it has been sealed as it should be.
    #[test]
    fn media_that_was_sealed_is_opened_by_another_stack() {
        let provider = rtc::crypto::default_provider().unwrap();
        for profile in SrtpProfile::ALL {
            let [sealing, _] = locks(*profile);
            let (key, salt) = master(*profile);
            let mut opening = Context::new(&key, &salt, theirs(*profile), None, None, provider.crypto()).unwrap();
            // Over the turn of the 16 bits that are sent.
            for index in (1..10).chain(30_000..30_010).chain(65_530..65_545) {
                let sequence = (index as u16).to_be_bytes();
                let header = [0x80, 96, sequence[0], sequence[1], 0, 0, 0, 9, 0, 0, 0, 5];
                let plain = [&header[..], &[7; 100]].concat();
                let mut packet = plain.clone();
                sealing.seal_rtp(&mut packet, header.len(), 5, index).unwrap();
                assert_eq!(packet.len(), plain.len() + sealing.rtp_overhead());
                assert_eq!(opening.decrypt_rtp(&packet).unwrap(), plain, "{profile:?} {index}");
            }
        }
    }

    #[test]
    fn reports_are_opened_by_another_stack_and_its_own_by_us() {
        let provider = rtc::crypto::default_provider().unwrap();
        for profile in SrtpProfile::ALL {
            let [mut sealing, opening] = locks(*profile);
            let (key, salt) = master(*profile);
            let context = || Context::new(&key, &salt, theirs(*profile), None, None, provider.crypto()).unwrap();
            let (mut their_opening, mut their_sealing) = (context(), context());
            for index in 0..5 {
                let report: Vec<u8> = [0x80, 201, 0, 1, 0, 0, 0, 5].into_iter().collect();
                let mut packet = report.clone();
                sealing.seal_rtcp(&mut packet).unwrap();
                assert_eq!(their_opening.decrypt_rtcp(&packet).unwrap(), report, "{profile:?} {index}");
                let mut packet = their_sealing.encrypt_rtcp(&report).unwrap().to_vec();
                let (source, _) = opening.open_rtcp(&mut packet).unwrap_or_else(|| panic!("{profile:?} {index}"));
                assert_eq!((source, packet), (5, report), "{profile:?} {index}");
            }
        }
    }

    fn master(profile: SrtpProfile) -> (Vec<u8>, Vec<u8>) {
        let (key, salt) = match profile {
            SrtpProfile::AEAD_AES_256_GCM => (32, 12),
            SrtpProfile::AEAD_AES_128_GCM => (16, 12),
            _ => (16, 14),
        };
        (vec![7; key], vec![9; salt])
    }

    fn locks(profile: SrtpProfile) -> [Lock; 2] {
        let (key, salt) = master(profile);
        let master = Master { key: &key, salt: &salt };
        [0, 1].map(|_| Lock::new(profile, master).unwrap())
    }

    #[test]
    fn reports_that_were_sealed_are_opened_and_forged_ones_are_not() {
        for profile in SrtpProfile::ALL {
            let [mut sealing, opening] = locks(*profile);
            for index in 0..3 {
                let report: Vec<u8> = [0x81, 201, 0, 7, 0, 0, 0, 5].into_iter().chain(0..24).collect();
                let mut packet = report.clone();
                sealing.seal_rtcp(&mut packet).unwrap();
                assert_ne!(packet[8..32], report[8..], "nothing is to be read");
                for place in 0..packet.len() {
                    let mut forged = packet.clone();
                    forged[place] ^= 4;
                    assert_eq!(opening.open_rtcp(&mut forged), None, "{profile:?} {place}");
                }
                for length in 0..packet.len() {
                    assert_eq!(opening.open_rtcp(&mut packet[..length].to_vec()), None);
                }
                assert_eq!(opening.open_rtcp(&mut packet), Some((5, index)));
                assert_eq!(packet, report);
            }
        }
    }
}
