//! The certificates of one control plane, and the kubeconfigs of its users.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::error::Error;

/// An authority of its own for each control plane, with files in one directory.
pub struct Pki {
    directory: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What the API server is called by those inside and outside.
const SERVER_NAMES: [&str; 5] = ["10.96.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];

impl Pki {
    pub fn create(directory: &Path) -> Result<Self, Error> {
        fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
        let failed = |source| Error::Certificate { user: "the authority".into(), source };
        let mut params = params("devcluster", &[], &[]).map_err(failed)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let issuer = CertifiedIssuer::self_signed(params, key().map_err(failed)?).map_err(failed)?;
        let pki = Self { directory: directory.to_owned(), issuer };
        pki.write("ca.crt", &pki.issuer.pem())?;
        pki.write("ca.key", &pki.issuer.key().serialize_pem())?;
        Ok(pki)
    }

    /// The certificate of the API server itself, which has a further address.
    pub fn serve(&self, address: Ipv4Addr) -> Result<(), Error> {
        let address = address.to_string();
        let names: Vec<&str> = SERVER_NAMES.into_iter().chain([address.as_str()]).collect();
        self.issue("kube-apiserver", "apiserver", &[], &names)
    }

    /// The key that signs the tokens of ServiceAccounts.
    pub fn service_accounts(&self) -> Result<(), Error> {
        let key = key().map_err(|source| Error::Certificate { user: "service accounts".into(), source })?;
        self.write("service-accounts.pub", &key.public_key_pem())?;
        self.write("service-accounts.key", &key.serialize_pem())
    }

    /// A client certificate for the user and groups, and a kubeconfig with it.
    pub fn user(&self, user: &str, file: &str, groups: &[&str], server: &str, kubeconfig: &Path) -> Result<(), Error> {
        self.issue(user, file, groups, &[])?;
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "devcluster",
            "contexts": [{"name": "devcluster", "context": {"cluster": "devcluster", "user": user}}],
            "clusters": [{"name": "devcluster", "cluster": {"server": server, "certificate-authority": self.path("ca.crt")}}],
            "users": [{"name": user, "user": {
                "client-certificate": self.path(&format!("{file}.crt")),
                "client-key": self.path(&format!("{file}.key")),
            }}],
        });
        fs::write(kubeconfig, config.to_string()).map_err(Error::file("write", kubeconfig))
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    fn issue(&self, common_name: &str, file: &str, groups: &[&str], names: &[&str]) -> Result<(), Error> {
        let failed = |source| Error::Certificate { user: common_name.into(), source };
        let mut params = params(common_name, groups, names).map_err(failed)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = key().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        self.write(&format!("{file}.crt"), &certificate.pem())?;
        self.write(&format!("{file}.key"), &key.serialize_pem())
    }

    fn write(&self, file: &str, text: &str) -> Result<(), Error> {
        let path = self.path(file);
        fs::write(&path, text).map_err(Error::file("write", path))
    }
}

fn key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
}

/// Kubernetes reads the user from the common name and the groups from the organisations.
fn params(common_name: &str, groups: &[&str], names: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    for group in groups {
        params.distinguished_name.push(DnType::OrganizationName, *group);
    }
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now - Duration::HOUR, now + Duration::days(365));
    Ok(params)
}
