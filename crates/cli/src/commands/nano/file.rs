//! Bytecode of a nanocontract: one that comes along, or a file.

use crate::exit::{Error, Result};
use alloy::primitives::Bytes;
use perunika_apps::App;
use std::path::Path;

/// Where code comes from.
#[derive(Clone, Debug)]
pub(crate) enum Code {
    /// One that every node knows.
    App(App),
    /// Runtime bytecode.
    Own(Bytes),
}

impl Code {
    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::App(app) => app.code(),
            Self::Own(code) => code,
        }
    }
}

/// A name, or else a file: an artifact with `deployedBytecode`, or hexadecimal text.
pub(crate) fn named(text: &str) -> Result<Code> {
    match text.parse() {
        Ok(app) => Ok(Code::App(app)),
        Err(_) => read(Path::new(text)).map(Code::Own),
    }
}

fn read(path: &Path) -> Result<Bytes> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        let known = App::ALL.map(App::name).join(", ");
        Error::user(format!("{} cannot be read: {e} (nor is it one of {known})", path.display()))
    })?;
    perunika_apps::runtime_code(&text).map_err(|e| Error::user(format!("{} holds no code: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<u8>> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        named(file.path().to_str().expect("UTF-8")).map(|code| code.bytes().to_vec())
    }

    #[test]
    fn artifacts_of_several_tools_and_plain_hexadecimal_are_read() {
        for text in [
            "0x6001",
            "6001\n",
            r#"{"deployedBytecode":"0x6001"}"#,
            r#"{"deployedBytecode":{"object":"0x6001","sourceMap":""}}"#,
        ] {
            assert_eq!(of(text), Ok(vec![0x60, 0x01]), "{text}");
        }
        assert_eq!(named("tic-tac-toe").expect("known").bytes(), App::TicTacToe.code());
    }

    #[test]
    fn what_is_no_code_is_refused_in_one_sentence() {
        for text in ["", "0x", "hello", "{}", r#"{"deployedBytecode":"0x"}"#, r#"{"bytecode":"0x6001"}"#, "0x600"] {
            let error = of(text).expect_err(text).to_string();
            assert!(error.contains("holds no code"), "{error}");
        }
        let error = named("/nowhere/at.json").expect_err("no file").to_string();
        assert!(error.contains("cannot be read") && error.contains("coin-toss"), "{error}");
    }
}
