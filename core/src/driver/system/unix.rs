//! UNIX sockets of the operating system.

mod stream;

use std::fs;
use std::io;
#[cfg(any(target_os = "android", target_os = "linux"))]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use mio::event::Source as _;
use mio::net::{UnixListener, UnixStream};
use mio::{Interest, Registry};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::driver::{ListenOptions, Listener, Stream, Token};
use crate::{Address, UnixName};
use stream::SystemUnixStream;

pub(super) fn connect(
    to: &UnixName,
    registry: &Registry,
    token: Token,
) -> io::Result<Box<dyn Stream>> {
    let socket = socket(Type::STREAM)?;
    // Decided at once: either there is room in the listener's queue, or it fails.
    socket.connect(&system_name(to)?)?;
    let stream = UnixStream::from_std(socket.into());
    Ok(Box::new(SystemUnixStream::register(
        stream, registry, token,
    )?))
}

pub(super) fn listen(
    on: &UnixName,
    options: &ListenOptions,
    registry: &Rc<Registry>,
    token: Token,
) -> io::Result<Box<dyn Listener>> {
    let socket = socket(Type::STREAM)?;
    let file = bind(&socket, on, options.mode)?;
    socket.listen(options.backlog)?;
    let mut listener = listener(socket, registry, token)?;
    listener.file = file;
    Ok(Box::new(listener))
}

/// Two that are connected with each other.
pub(super) fn pair(registry: &Registry, tokens: [Token; 2]) -> io::Result<[Box<dyn Stream>; 2]> {
    let (one, other) = UnixStream::pair()?;
    let [first, second] = tokens;
    Ok([
        Box::new(SystemUnixStream::register(one, registry, first)?),
        Box::new(SystemUnixStream::register(other, registry, second)?),
    ])
}

/// A stream of somebody else's socket, which is connected and does not block; and its peer.
pub(super) fn adopt_stream(
    socket: Socket,
    registry: &Rc<Registry>,
    token: Token,
) -> io::Result<(Box<dyn Stream>, Address)> {
    let stream = SystemUnixStream::adopt(UnixStream::from_std(socket.into()), registry, token)?;
    let peer = stream.peer_address()?;
    Ok((Box::new(stream), peer))
}

/// A listener of somebody else's socket, which listens and does not block. Its file is theirs.
pub(super) fn adopt_listener(
    socket: Socket,
    registry: &Rc<Registry>,
    token: Token,
) -> io::Result<Box<dyn Listener>> {
    let mut listener = listener(socket, registry, token)?;
    listener.is_shared = true;
    Ok(Box::new(listener))
}

fn listener(
    socket: Socket,
    registry: &Rc<Registry>,
    token: Token,
) -> io::Result<SystemUnixListener> {
    let mut listener = UnixListener::from_std(socket.into());
    listener.register(registry, mio::Token(token.0), Interest::READABLE)?;
    Ok(SystemUnixListener {
        listener,
        registry: Rc::clone(registry),
        file: None,
        is_shared: false,
    })
}

pub(super) fn socket(kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, kind, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Gives a socket its name, which a dead one may have left behind.
pub(super) fn bind(
    socket: &Socket,
    on: &UnixName,
    mode: Option<u32>,
) -> io::Result<Option<BoundFile>> {
    let name = system_name(on)?;
    if let Err(error) = socket.bind(&name) {
        let is_taken = error.kind() == io::ErrorKind::AddrInUse;
        let kind = socket.r#type()?;
        let Some(file) = stale_file(on, kind).filter(|_| is_taken) else {
            return Err(error);
        };
        // Whoever left it behind does not listen any more.
        fs::remove_file(file)?;
        socket.bind(&name)?;
    }
    let file = on.path().map(BoundFile::new).transpose()?;
    if let (Some(path), Some(mode)) = (on.path(), mode) {
        // Before `listen`: nobody gets in by the permissions that it had first.
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    Ok(file)
}

pub(super) fn system_name(name: &UnixName) -> io::Result<SockAddr> {
    match name {
        UnixName::Path(path) if path.as_os_str().is_empty() => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path is empty",
        )),
        UnixName::Path(path) => SockAddr::unix(path),
        // Other systems than Linux say that there is no such thing.
        UnixName::Abstract(name) => {
            let name = [&[0], name.as_slice()].concat();
            SockAddr::unix(std::ffi::OsStr::from_bytes(&name))
        }
        UnixName::Unnamed => Err(io::ErrorKind::AddrNotAvailable.into()),
    }
}

pub(super) fn our_name(address: &SocketAddr) -> UnixName {
    #[cfg(any(target_os = "android", target_os = "linux"))]
    if let Some(name) = address.as_abstract_name() {
        return UnixName::Abstract(name.to_vec());
    }
    match address.as_pathname() {
        Some(path) => UnixName::Path(path.to_owned()),
        None => UnixName::Unnamed,
    }
}

/// The file of that name, if it is a socket that nobody listens on.
fn stale_file(name: &UnixName, kind: Type) -> Option<&Path> {
    let path = name.path()?;
    // Never anything else than a socket: that would be somebody's data.
    let is_socket = fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    // Without blocking: a listener that is alive may have a full queue.
    let connect = || socket(kind)?.connect(&system_name(name)?);
    let is_stale = is_socket && connect().is_err_and(refused);
    is_stale.then_some(path)
}

/// A socket's file, which goes when its listener does.
pub(super) struct BoundFile {
    path: PathBuf,
    /// So that a successor's file is left alone.
    identity: (u64, u64),
}

impl BoundFile {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }
}

impl Drop for BoundFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|now| now == self.identity) {
            // There is nobody to tell.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Device and number of a file.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

struct SystemUnixListener {
    listener: UnixListener,
    registry: Rc<Registry>,
    /// Removed when this is dropped.
    file: Option<BoundFile>,
    /// Others may have the same socket.
    is_shared: bool,
}

impl Drop for SystemUnixListener {
    fn drop(&mut self) {
        if self.is_shared {
            super::take_out(&self.registry, &self.listener);
        }
    }
}

impl Listener for SystemUnixListener {
    fn accept(&self, token: Token) -> io::Result<(Box<dyn Stream>, Address)> {
        let (stream, peer) = self.listener.accept()?;
        let stream = SystemUnixStream::register(stream, &self.registry, token)?;
        Ok((Box::new(stream), our_name(&peer).into()))
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(our_name(&self.listener.local_addr()?).into())
    }
}
