//! A connection to the server, with TLS or without.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};
use socket2::{Domain, Socket, Type};

use crate::machine::Result;

/// Whether there is TLS, and whether its sessions are resumed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Security {
    None,
    Tls,
    Resumed,
}

impl Security {
    /// What TLS needs; for none, `None`.
    pub fn config(self) -> Result<Option<Arc<ClientConfig>>> {
        if self == Self::None {
            return Ok(None);
        }
        let mut provider = default_provider();
        provider.kx_groups = vec![kx_group::X25519];
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified))
            .with_no_client_auth();
        if self == Self::Tls {
            config.resumption = Resumption::disabled();
        }
        Ok(Some(Arc::new(config)))
    }
}

/// The server is measured: to verify it would make the load the slower end.
#[derive(Debug)]
struct Unverified;

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// One connection.
pub struct Link {
    pub stream: TcpStream,
    pub tls: Option<Box<ClientConnection>>,
}

impl Link {
    /// Waits until it is connected.
    pub fn connect(to: SocketAddr, config: Option<&Arc<ClientConfig>>) -> Result<Self> {
        let stream = std::net::TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Self::new(TcpStream::from_std(stream), config)
    }

    /// Begins to connect. Each comes from the next of 250 addresses: else the ports, which stay taken for a
    /// minute after a connection, would all be taken.
    pub fn begin(
        to: SocketAddr,
        count: &mut u64,
        config: Option<&Arc<ClientConfig>>,
    ) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking().cloexec(), None)?;
        socket.set_tcp_nodelay(true)?;
        *count += 1;
        let from = Ipv4Addr::new(127, 0, 1, 1 + (*count % 250) as u8);
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        match socket.connect(&to.into()) {
            Err(error)
                if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) =>
            {
                Err(error.into())
            }
            _ => Self::new(TcpStream::from_std(socket.into()), config),
        }
    }

    fn new(stream: TcpStream, config: Option<&Arc<ClientConfig>>) -> Result<Self> {
        let tls = match config {
            None => None,
            Some(config) => {
                let name = ServerName::try_from("localhost")?;
                let mut tls = ClientConnection::new(Arc::clone(config), name)?;
                tls.set_buffer_limit(None);
                Some(Box::new(tls))
            }
        };
        Ok(Self { stream, tls })
    }

    /// Passes on what has come. Whether the peer may send more.
    pub fn read(
        &mut self,
        buffer: &mut [u8],
        ended: bool,
        mut take: impl FnMut(&[u8]),
    ) -> io::Result<bool> {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            };
            match &mut self.tls {
                None => take(&buffer[..count]),
                Some(tls) => {
                    if !decrypt(tls, &buffer[..count], &mut take)? {
                        return Ok(false);
                    }
                }
            }
            // A short read has emptied the socket.
            if count < buffer.len() && !ended {
                return Ok(true);
            }
        }
    }

    /// How many bytes were taken; all, with TLS.
    pub fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(data)?;
            self.flush()?;
            return Ok(data.len());
        }
        match self.stream.write(data) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            result => result,
        }
    }

    /// Whether nothing is left to be written.
    pub fn flush(&mut self) -> io::Result<bool> {
        let Some(tls) = &mut self.tls else {
            return Ok(true);
        };
        while tls.wants_write() {
            match tls.write_tls(&mut self.stream) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Whether data can be sent: TLS has to have shaken hands.
    pub fn is_ready(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking())
    }
}

fn decrypt(
    tls: &mut ClientConnection,
    mut data: &[u8],
    take: &mut impl FnMut(&[u8]),
) -> io::Result<bool> {
    let mut plain = [0; 17 << 10];
    while !data.is_empty() {
        tls.read_tls(&mut data)?;
        tls.process_new_packets().map_err(io::Error::other)?;
        loop {
            match tls.reader().read(&mut plain) {
                Ok(0) => return Ok(false),
                Ok(count) => take(&plain[..count]),
                Err(_) => break,
            }
        }
    }
    Ok(true)
}
