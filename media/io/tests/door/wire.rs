//! STUN and DTLS by hand, for who wants to send what no stack would.

use aws_lc_rs::hmac;

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLING: u16 = 0x802a;

/// Types of a STUN message (RFC 8489 §5).
pub(crate) const BINDING_REQUEST: u16 = 0x0001;
pub(crate) const BINDING_INDICATION: u16 = 0x0011;
pub(crate) const BINDING_SUCCESS: u16 = 0x0101;
pub(crate) const BINDING_ERROR: u16 = 0x0111;

/// A STUN message as ICE has it (RFC 8445 §7.2.2), for somebody who believes that this is the password.
pub(crate) fn stun(kind: u16, transaction: u64, username: &str, password: &str) -> Vec<u8> {
    let mut message = kind.to_be_bytes().to_vec();
    message.extend([0, 0]);
    message.extend(MAGIC_COOKIE);
    message.extend([0xf0; 4]);
    message.extend(transaction.to_be_bytes());
    attribute(&mut message, USERNAME, username.as_bytes());
    attribute(&mut message, PRIORITY, &0x6e7f_1eff_u32.to_be_bytes());
    attribute(&mut message, ICE_CONTROLLING, &[7; 8]);
    attribute(&mut message, USE_CANDIDATE, &[]);
    // Both are made over a header that counts them already (RFC 8489 §14.5, §14.7).
    count(&mut message, 24);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let integrity = hmac::sign(&key, &message);
    attribute(&mut message, MESSAGE_INTEGRITY, integrity.as_ref());
    count(&mut message, 8);
    let fingerprint = crc32(&message) ^ 0x5354_554e;
    attribute(&mut message, FINGERPRINT, &fingerprint.to_be_bytes());
    message
}

/// What follows the header, and so many bytes more, is said to be in the message.
fn count(message: &mut [u8], further: usize) {
    let length = u16::try_from(message.len() - 20 + further).unwrap();
    message[2..4].copy_from_slice(&length.to_be_bytes());
}

fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

/// Of ISO 3309, as STUN has it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

/// The user name of a check.
pub(crate) fn username_of(check: &[u8]) -> String {
    let mut rest = &check[20..];
    while let [a, b, c, d, value @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        if u16::from_be_bytes([*a, *b]) == USERNAME {
            return String::from_utf8(value[..length].to_vec()).unwrap();
        }
        rest = &value[length.next_multiple_of(4)..];
    }
    panic!("a check has a user name")
}

/// Content types of DTLS (RFC 6347 §4.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// A DTLS 1.2 record (RFC 6347 §4.1).
pub(crate) fn record(kind: u8, epoch: u16, sequence: u64, content: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 254, 253];
    record.extend(epoch.to_be_bytes());
    record.extend(&sequence.to_be_bytes()[2..]);
    record.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
    record.extend(content);
    record
}

/// A ClientHello without a cookie (RFC 6347 §4.2.1).
fn client_hello() -> Vec<u8> {
    let mut hello = vec![254, 253];
    hello.extend([0x5a; 32]);
    // No session, no cookie, one cipher suite (TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256), no compression.
    hello.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
    let length = u8::try_from(hello.len()).unwrap();
    let mut message = vec![1, 0, 0, length, 0, 0, 0, 0, 0, 0, 0, length];
    message.extend(hello);
    message
}

/// DTLS that would end or begin something if it were believed, and some that is none.
pub(crate) fn forged_records() -> Vec<Vec<u8>> {
    let (close_notify, handshake_failure) = ([1, 0], [2, 40]);
    let mut records = Vec::new();
    for epoch in [0, 1, 2, 3, u16::MAX] {
        for sequence in [0, 1, 1 << 20, (1 << 48) - 1] {
            records.push(record(ALERT, epoch, sequence, &close_notify));
            records.push(record(ALERT, epoch, sequence, &handshake_failure));
            records.push(record(HANDSHAKE, epoch, sequence, &client_hello()));
            records.push(record(CHANGE_CIPHER_SPEC, epoch, sequence, &[1]));
            records.push(record(APPLICATION_DATA, epoch, sequence, &[0xa5; 64]));
            // As long as something that was encrypted.
            records.push(record(ALERT, epoch, sequence, &[0xa5; 26]));
        }
    }
    let mut cut = record(HANDSHAKE, 0, 2, &client_hello());
    cut.truncate(cut.len() - 10);
    records.push(cut);
    records.push(vec![HANDSHAKE]);
    // More records in one datagram than anybody needs.
    records.push(record(ALERT, 0, 3, &close_notify).repeat(40));
    // The short header of DTLS 1.3 (RFC 9147 §4).
    records.push([&[0x2f, 0, 1, 0, 40][..], &[0xa5; 40]].concat());
    records
}
