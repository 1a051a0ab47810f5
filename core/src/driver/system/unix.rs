//! UNIX sockets of the operating system.

use std::fs;
use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
#[cfg(any(target_os = "android", target_os = "linux"))]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use mio::event::Source as _;
use mio::net::{UnixListener, UnixStream};
use mio::{Interest, Registry};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use crate::driver::{ListenOptions, Listener, Stream, Token};
use crate::{Address, UnixName};

pub(super) fn connect(
    to: &UnixName,
    registry: &Registry,
    token: Token,
) -> io::Result<Box<dyn Stream>> {
    let socket = socket()?;
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
    let name = system_name(on)?;
    let socket = socket()?;
    if let Err(error) = socket.bind(&name) {
        let is_taken = error.kind() == io::ErrorKind::AddrInUse;
        let Some(file) = stale_file(on).filter(|_| is_taken) else {
            return Err(error);
        };
        // Whoever left it behind does not listen any more.
        fs::remove_file(file)?;
        socket.bind(&name)?;
    }
    let file = on.path().map(BoundFile::new).transpose()?;
    if let (Some(path), Some(mode)) = (on.path(), options.mode) {
        // Before `listen`: nobody gets in by the permissions that it had first.
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    socket.listen(options.backlog)?;
    let mut listener = UnixListener::from_std(socket.into());
    listener.register(registry, mio::Token(token.0), Interest::READABLE)?;
    Ok(Box::new(SystemUnixListener {
        listener,
        name: on.clone(),
        registry: Rc::clone(registry),
        _file: file,
    }))
}

fn socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn system_name(name: &UnixName) -> io::Result<SockAddr> {
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

fn our_name(address: &SocketAddr) -> UnixName {
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
fn stale_file(name: &UnixName) -> Option<&Path> {
    let path = name.path()?;
    // Never anything else than a socket: that would be somebody's data.
    let is_socket = fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    // Without blocking: a listener that is alive may have a full queue.
    let connect = || socket()?.connect(&system_name(name)?);
    let is_stale = is_socket && connect().is_err_and(refused);
    is_stale.then_some(path)
}

/// A socket's file, which goes when its listener does.
struct BoundFile {
    path: PathBuf,
    /// Device and number, so that a successor's file is left alone.
    identity: (u64, u64),
}

impl BoundFile {
    fn new(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(Self {
            path: path.to_owned(),
            identity: (metadata.dev(), metadata.ino()),
        })
    }
}

impl Drop for BoundFile {
    fn drop(&mut self) {
        let is_ours = Self::new(&self.path).is_ok_and(|now| {
            let same = now.identity == self.identity;
            std::mem::forget(now);
            same
        });
        if is_ours {
            // There is nobody to tell.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A UNIX socket, registered once for reading and writing and never changed.
struct SystemUnixStream(UnixStream);

impl SystemUnixStream {
    fn register(mut stream: UnixStream, registry: &Registry, token: Token) -> io::Result<Self> {
        let both = Interest::READABLE | Interest::WRITABLE;
        stream.register(registry, mio::Token(token.0), both)?;
        Ok(Self(stream))
    }
}

impl Stream for SystemUnixStream {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }

    fn has_input(&self) -> bool {
        let looked = SockRef::from(&self.0).peek(&mut [MaybeUninit::uninit()]);
        !matches!(looked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.0).write_vectored(slices)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Write)
    }

    fn reset_on_close(&self) {
        // There is no such thing here: the peer sees an end.
    }

    fn connected(&self) -> io::Result<bool> {
        match self.0.take_error()? {
            Some(error) => Err(error),
            None => Ok(true),
        }
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(our_name(&self.0.local_addr()?).into())
    }

    fn set_no_delay(&self, _: bool) -> io::Result<()> {
        // Nothing is ever delayed here.
        Ok(())
    }

    fn set_keep_alive(&self, _: Option<Duration>) -> io::Result<()> {
        // The peer cannot vanish without a word.
        Ok(())
    }
}

struct SystemUnixListener {
    listener: UnixListener,
    name: UnixName,
    registry: Rc<Registry>,
    _file: Option<BoundFile>,
}

impl Listener for SystemUnixListener {
    fn accept(&self, token: Token) -> io::Result<(Box<dyn Stream>, Address)> {
        let (stream, peer) = self.listener.accept()?;
        let stream = SystemUnixStream::register(stream, &self.registry, token)?;
        Ok((Box::new(stream), our_name(&peer).into()))
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(self.name.clone().into())
    }
}
