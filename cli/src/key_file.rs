//! Key files: private keys as PKCS#8 PEM, plain or encrypted (PBES2, RFC 8018), and public keys as SPKI PEM.
//!
//! What we encrypt, OpenSSL reads; what OpenSSL encrypts with its defaults, we read. The cost of a passphrase is taken
//! from the file, so it is bounded before anything is computed.

use std::{fs::File, io::Read, path::Path};

use pkcs8::{
    EncryptedPrivateKeyInfoRef, SecretDocument,
    der::{Decode as _, asn1::OctetStringRef, pem::LineEnding},
    pkcs5::pbes2::{EncryptionScheme, Kdf, Parameters, Pbkdf2Prf, Salt, ScryptParams},
};
use provenance::key::{KeyError, PublicKey, SigningKey};
use zeroize::Zeroizing;

use crate::{
    failure::{Exit, Failure},
    passphrase::Passphrase,
    shell::quoted,
};

/// Most bytes of a key file that are read.
pub(crate) const MAX_KEY_FILE_BYTES: usize = 64 << 10;

/// PEM label of an encrypted key.
const LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// scrypt as we write it: 16 MiB, five times over. As strong as 128 MiB once (OWASP), and OpenSSL reads at most 32 MiB.
const SCRYPT_N: u64 = 1 << 14;
/// scrypt's block size.
const SCRYPT_R: u16 = 8;
/// scrypt's repetitions.
const SCRYPT_P: u16 = 5;

/// Most memory that a key file may ask scrypt for, in bytes.
const MAX_SCRYPT_MEMORY: u64 = 256 << 20;

/// Most memory times repetitions of scrypt, in bytes: some seconds.
const MAX_SCRYPT_WORK: u64 = 2 << 30;

/// Most iterations that a key file may ask PBKDF2 for: some seconds. OpenSSL's default is 2,048.
const MAX_PBKDF2_ITERATIONS: u32 = 10_000_000;

/// What a key file holds.
pub(crate) enum KeyFile {
    /// A private key that anybody who reads the file can use.
    Plain(Box<SigningKey>),
    /// A private key under a passphrase.
    Encrypted(EncryptedKey),
    /// A public key.
    Public(PublicKey),
}

/// A private key under a passphrase.
pub(crate) struct EncryptedKey {
    parameters: Parameters,
    ciphertext: Vec<u8>,
}

impl KeyFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, or holds nothing that can be used.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        // All the room it may need, so that no copy of a key is left behind by growing.
        let mut text = Zeroizing::new(String::with_capacity(MAX_KEY_FILE_BYTES + 1));
        let file = File::open(path).map_err(|error| Failure::io("open the key", path, &error))?;
        file.take(MAX_KEY_FILE_BYTES as u64)
            .read_to_string(&mut text)
            .map_err(|error| Failure::io("read the key", path, &error))?;
        Self::parse(&text, path)
    }

    /// Reads `text`, which is said to be of `path`.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        if text.contains("BEGIN PUBLIC KEY") {
            return PublicKey::from_spki_pem(text)
                .map(Self::Public)
                .map_err(|error| unusable(path, error));
        }
        if text.contains("BEGIN ENCRYPTED PRIVATE KEY") {
            return EncryptedKey::parse(text, path).map(Self::Encrypted);
        }
        for kind in ["EC", "RSA", "DSA", "OPENSSH"] {
            if text.contains(&format!("BEGIN {kind} PRIVATE KEY")) {
                return Err(unusable(
                    path,
                    format!("it is in the form {kind} PRIVATE KEY, and PKCS#8 is wanted"),
                )
                .next(format!(
                    "if it is a P-256 key: openssl pkcs8 -topk8 -in {} -out NEW",
                    quoted(&path.display().to_string())
                )));
            }
        }
        SigningKey::from_pkcs8_pem(text)
            .map(|key| Self::Plain(Box::new(key)))
            .map_err(|error| unusable(path, error).next("make one: weighbridge key new --out FILE"))
    }
}

impl EncryptedKey {
    fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        let damaged = || {
            Failure::usage(format!("the encrypted key {} does not read", path.display()))
                .why("it is damaged, or encrypted in a way that is not supported")
                .next("PBES2 with scrypt or PBKDF2 and AES is supported; restore the file from your backup, or convert it: openssl pkcs8 -topk8 -in KEY -out NEW")
        };
        let (label, der) = SecretDocument::from_pem(text).map_err(|_| damaged())?;
        let info = EncryptedPrivateKeyInfoRef::from_der(der.as_bytes()).map_err(|_| damaged())?;
        let parameters = info.encryption_algorithm.pbes2().filter(|_| label == LABEL);
        let parameters = parameters.ok_or_else(damaged)?.clone();
        let costly = |what: String| {
            Err(
                Failure::usage(format!("the key {} asks for {what}", path.display()))
                    .why("nobody needs that much; the file may be made to tie up this computer")
                    .next("if it is yours, encrypt it anew: openssl pkcs8 -topk8 -in KEY -out NEW"),
            )
        };
        match &parameters.kdf {
            Kdf::Scrypt(scrypt) => {
                let (n, r, p) = (
                    scrypt.cost_parameter,
                    u64::from(scrypt.block_size),
                    u64::from(scrypt.parallelization),
                );
                if !n.is_power_of_two() || n < 2 || r == 0 || p == 0 {
                    return Err(damaged());
                }
                let memory = n.saturating_mul(128 * r);
                // One buffer grows with N, another with p.
                if memory.max(p.saturating_mul(128 * r)) > MAX_SCRYPT_MEMORY
                    || memory.saturating_mul(p) > MAX_SCRYPT_WORK
                {
                    return costly(format!("scrypt with N={n}, r={r}, p={p}"));
                }
            }
            Kdf::Pbkdf2(pbkdf2) => {
                if pbkdf2.prf == Pbkdf2Prf::HmacWithSha1 || pbkdf2.iteration_count == 0 {
                    return Err(damaged());
                }
                if pbkdf2.iteration_count > MAX_PBKDF2_ITERATIONS {
                    return costly(format!("{} iterations of PBKDF2", pbkdf2.iteration_count));
                }
            }
            _ => return Err(damaged()),
        }
        Ok(Self {
            parameters,
            ciphertext: info.encrypted_data.as_bytes().to_vec(),
        })
    }

    /// How it is encrypted.
    pub(crate) fn scheme(&self) -> String {
        let kdf = match &self.parameters.kdf {
            Kdf::Scrypt(scrypt) => format!(
                "scrypt N={} r={} p={}",
                scrypt.cost_parameter, scrypt.block_size, scrypt.parallelization
            ),
            Kdf::Pbkdf2(pbkdf2) => {
                let hash = format!("{:?}", pbkdf2.prf).replace("HmacWithSha", "SHA-");
                format!("PBKDF2-{hash} with {} iterations", pbkdf2.iteration_count)
            }
            _ => "another derivation".into(),
        };
        let cipher = match self.parameters.encryption {
            EncryptionScheme::Aes128Cbc { .. } => "AES-128-CBC",
            EncryptionScheme::Aes192Cbc { .. } => "AES-192-CBC",
            EncryptionScheme::Aes256Cbc { .. } => "AES-256-CBC",
            EncryptionScheme::Aes128Gcm { .. } => "AES-128-GCM",
            EncryptionScheme::Aes256Gcm { .. } => "AES-256-GCM",
            _ => "another cipher",
        };
        format!("{kdf}, {cipher}")
    }

    /// The key, if `passphrase` is the right one.
    ///
    /// # Errors
    /// When it is not, or the file is damaged; without authentication the two look the same.
    pub(crate) fn open(&self, passphrase: &Passphrase, path: &Path) -> Result<SigningKey, Failure> {
        let wrong = || {
            Failure::usage(format!(
                "the passphrase does not open {}; nothing was written",
                path.display()
            ))
            .why("it is another one, or the file is damaged")
            .next("type it again; or restore the key from your backup")
        };
        let mut buffer = Zeroizing::new(self.ciphertext.clone());
        let der = self
            .parameters
            .decrypt_in_place(passphrase.bytes(), &mut buffer)
            .map_err(|_| wrong())?;
        SigningKey::from_pkcs8_der(der).map_err(|error| match error {
            KeyError::Pem { .. } => wrong(),
            error => unusable(path, error),
        })
    }
}

/// The text of a file with `key`, under `passphrase` if there is one.
///
/// # Errors
/// When the system gives no random bytes.
pub(crate) fn encode(
    key: &SigningKey,
    passphrase: Option<&Passphrase>,
) -> Result<Zeroizing<String>, Failure> {
    let Some(passphrase) = passphrase else {
        return Ok(Zeroizing::new(key.to_pkcs8_pem().as_ref().to_owned()));
    };
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    fill(&mut salt)?;
    fill(&mut iv)?;
    let failed = |error: pkcs8::Error| {
        Failure::new(Exit::Io, "the key could not be encrypted, so nothing was written").why(error)
    };
    let parameters = Parameters {
        kdf: Kdf::Scrypt(ScryptParams {
            salt: Salt::new(salt).map_err(|error| failed(error.into()))?,
            cost_parameter: SCRYPT_N,
            block_size: SCRYPT_R,
            parallelization: SCRYPT_P,
            key_length: None,
        }),
        encryption: EncryptionScheme::Aes256Cbc { iv },
    };
    let ciphertext = parameters
        .encrypt(passphrase.bytes(), key.to_pkcs8_der().as_ref())
        .map_err(|error| failed(error.into()))?;
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: parameters.into(),
        encrypted_data: OctetStringRef::new(&ciphertext).map_err(|error| failed(error.into()))?,
    };
    let document = SecretDocument::try_from(info).map_err(failed)?;
    document
        .to_pem(LABEL, LineEnding::LF)
        .map_err(|error| failed(error.into()))
}

fn unusable(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("{} is not a usable key", path.display())).why(why)
}

/// Fills `bytes` with good randomness.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Failure> {
    getrandom::fill(bytes).map_err(|error| {
        Failure::new(
            Exit::Io,
            "the system gave no random bytes, so nothing was written",
        )
        .why(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key file that asks for this derivation.
    fn asking(kdf: Kdf) -> Result<KeyFile, Failure> {
        let parameters = Parameters {
            kdf,
            encryption: EncryptionScheme::Aes256Cbc { iv: [0; 16] },
        };
        let info = EncryptedPrivateKeyInfoRef {
            encryption_algorithm: parameters.into(),
            encrypted_data: OctetStringRef::new(&[0; 48]).unwrap(),
        };
        let text = SecretDocument::try_from(info)
            .unwrap()
            .to_pem(LABEL, LineEnding::LF)
            .unwrap();
        KeyFile::parse(&text, Path::new("k"))
    }

    fn scrypt(cost_parameter: u64, block_size: u16, parallelization: u16) -> Kdf {
        Kdf::Scrypt(ScryptParams {
            salt: Salt::new([0; 16]).unwrap(),
            cost_parameter,
            block_size,
            parallelization,
            key_length: None,
        })
    }

    #[test]
    fn what_a_file_may_cost_is_bounded() {
        assert!(asking(scrypt(SCRYPT_N, SCRYPT_R, SCRYPT_P)).is_ok());
        assert!(asking(scrypt(1 << 18, 8, 1)).is_ok());
        for (n, r, p) in [
            (0, 8, 1),
            (1, 8, 1),
            (3, 8, 1),
            (1 << 14, 0, 1),
            (1 << 14, 8, 0),
            (1 << 19, 8, 1),
            (1 << 63, 8, 1),
            (1 << 63, u16::MAX, u16::MAX),
            (2, u16::MAX, u16::MAX),
            (1 << 14, 8, u16::MAX),
        ] {
            assert!(asking(scrypt(n, r, p)).is_err(), "{n} {r} {p}");
        }
        let pbkdf2 = |iteration_count, prf| {
            Kdf::Pbkdf2(pkcs8::pkcs5::pbes2::Pbkdf2Params {
                salt: Salt::new([0; 16]).unwrap(),
                iteration_count,
                key_length: None,
                prf,
            })
        };
        assert!(asking(pbkdf2(2048, Pbkdf2Prf::HmacWithSha256)).is_ok());
        for (iterations, prf) in [
            (0, Pbkdf2Prf::HmacWithSha256),
            (MAX_PBKDF2_ITERATIONS + 1, Pbkdf2Prf::HmacWithSha256),
            (u32::MAX, Pbkdf2Prf::HmacWithSha512),
            (2048, Pbkdf2Prf::HmacWithSha1),
        ] {
            assert!(asking(pbkdf2(iterations, prf)).is_err(), "{iterations} {prf:?}");
        }
    }

    #[test]
    fn the_same_key_and_passphrase_never_give_the_same_file() {
        let key = SigningKey::from_seed(&[7; 32]);
        let plain = encode(&key, None).unwrap();
        assert_eq!(*plain, *encode(&key, None).unwrap());
        let source = |path: &Path| {
            crate::passphrase::Source {
                option: "--passphrase-file",
                file: Some(path),
                descriptor: None,
            }
            .existing(crate::output::Output::plain(), path)
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "correct horse battery staple").unwrap();
        let passphrase = source(file.path()).unwrap();
        let texts = [(); 2].map(|()| encode(&key, Some(&passphrase)).unwrap());
        assert_ne!(*texts[0], *texts[1]);
    }
}
