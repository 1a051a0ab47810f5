//! What goes over the wire.

/// A datagram.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Read { name: String, mode: String },
    Write { name: String, mode: String },
    Data { block: u16, data: Vec<u8> },
    Ack { block: u16 },
    Error { code: u16, text: String },
}

impl Message {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (opcode, rest) = bytes.split_first_chunk::<2>()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut texts = rest.split(|byte| *byte == 0).map(text);
        let number = rest
            .first_chunk::<2>()
            .map(|number| u16::from_be_bytes(*number));
        Some(match u16::from_be_bytes(*opcode) {
            1 => Self::Read {
                name: texts.next()?,
                mode: texts.next()?,
            },
            2 => Self::Write {
                name: texts.next()?,
                mode: texts.next()?,
            },
            3 => Self::Data {
                block: number?,
                data: rest[2..].to_vec(),
            },
            4 => Self::Ack { block: number? },
            5 => Self::Error {
                code: number?,
                text: text(rest[2..].split(|byte| *byte == 0).next()?),
            },
            _ => return None,
        })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let (opcode, rest) = match self {
            Self::Read { name, mode } => (1_u16, format!("{name}\0{mode}\0").into_bytes()),
            Self::Write { name, mode } => (2, format!("{name}\0{mode}\0").into_bytes()),
            Self::Data { block, data } => (3, [&block.to_be_bytes(), data.as_slice()].concat()),
            Self::Ack { block } => (4, block.to_be_bytes().to_vec()),
            Self::Error { code, text } => (
                5,
                [code.to_be_bytes().as_slice(), text.as_bytes(), b"\0"].concat(),
            ),
        };
        [opcode.to_be_bytes().to_vec(), rest].concat()
    }

    pub(super) fn error(code: u16, text: &str) -> Self {
        let text = text.to_owned();
        Self::Error { code, text }
    }
}
