//! What a request brings, and in what form.

use http::HeaderValue;
use http::header::CONTENT_TYPE;

use super::ClientRequest;
use crate::body::{BodyProducer, Form, RequestBody};

impl ClientRequest {
    /// Sets the body, from bytes or text.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{AgentOptions, Client};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let _answer = client.put("http://127.0.0.1/notes/7").body("remember the milk").send();
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(seen.data().ends_with(b"Content-Length: 17\r\n\r\nremember the milk"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "data")]
    pub fn body(self, body: impl Into<RequestBody>) -> Self {
        let body = body.into();
        self.with(|request| Ok(request.body(body)))
    }

    /// Sets a body that is produced while it is sent, such as a
    /// [`FileBodyProducer`](crate::FileBodyProducer).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use std::io::Cursor;
    /// use torsade_http::{AgentOptions, Client, FileBodyProducer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let body = FileBodyProducer::from_reader(&reactor, Cursor::new("a stream"), None);
    /// let _answer = client.put("http://127.0.0.1/").body_producer(body).send();
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(seen.data().ends_with(b"8\r\na stream\r\n0\r\n\r\n")); // in chunks
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn body_producer(self, producer: impl BodyProducer) -> Self {
        self.with(|request| Ok(request.body_producer(producer)))
    }

    /// Sends a form, as browsers do (`application/x-www-form-urlencoded`).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{AgentOptions, Client};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let _answer = client.post("http://127.0.0.1/").form(&[("to", "Ada & Co"), ("n", "1")]).send();
    /// reactor.advance(Duration::from_secs(1))?;
    /// let sent = String::from_utf8(seen.data())?;
    /// assert!(sent.contains("Content-Type: application/x-www-form-urlencoded\r\n"), "{sent}");
    /// assert!(sent.ends_with("\r\n\r\nto=Ada+%26+Co&n=1"), "{sent}");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn form<K: AsRef<str>, V: AsRef<str>>(self, pairs: &[(K, V)]) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let text = form.extend_pairs(pairs).finish();
        self.typed("application/x-www-form-urlencoded", text)
    }

    /// Sends a form with files (`multipart/form-data`).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{AgentOptions, Client, Form};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let _answer = client.post("http://127.0.0.1/").multipart(Form::new().text("a", "b")).send();
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(String::from_utf8(seen.data())?.contains("Content-Type: multipart/form-data; boundary="));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "files")]
    pub fn multipart(self, form: Form) -> Self {
        let (media_type, body) = form.into_body(&self.client.reactor);
        self.typed(&media_type, body)
    }

    /// Sends a value as JSON.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{AgentOptions, Client};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let _answer = client.post("http://127.0.0.1/notes").json(&["milk", "bread"]).send();
    /// reactor.advance(Duration::from_secs(1))?;
    /// let sent = String::from_utf8(seen.data())?;
    /// assert!(sent.contains("Content-Type: application/json\r\n") && sent.ends_with("[\"milk\",\"bread\"]"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[cfg(feature = "json")]
    pub fn json(self, value: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(text) => self.typed("application/json", text),
            Err(error) => self.with(|_| Err(error.into())),
        }
    }

    fn typed(self, media_type: &str, body: impl Into<RequestBody>) -> Self {
        let body = body.into();
        let media_type = HeaderValue::try_from(media_type).expect("it is made here");
        self.with(|mut request| {
            request.headers.entry(CONTENT_TYPE).or_insert(media_type);
            Ok(request.body(body))
        })
    }
}
