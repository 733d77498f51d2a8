//! Names that the kernel has numbers for and that a setting takes as a list: one reader for all of them.

use serde::Deserialize;

use super::settings::did_you_mean;
use super::{nearest, signals, syscalls};
use crate::frame::SettingValue;

/// A table of names, as a declaration calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// `SIGTERM`, `TERM` or 15.
    Signals,
    /// `openat`, or its number.
    Syscalls,
    /// `ENOENT` or 2.
    Errors,
    /// Flags of open(2): `O_CREAT`.
    OpenFlags,
}

macro_rules! constants {
    ($($name:ident)*) => { &[$((stringify!($name), libc::$name.cast_unsigned())),*] };
}

/// The first of several names is the one that is shown.
#[rustfmt::skip]
const ERRORS: &[(&str, u32)] = constants![
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN EWOULDBLOCK ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV
    ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK EDEADLOCK
    ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR
    EXFULL ENOANO EBADRQC EBADSLT EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO
    EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE
    EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP ENOTSUP EPFNOSUPPORT
    EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN
    ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM
    EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL
    EHWPOISON
];

/// What programs see where a call is to be made again, and no process does (include/linux/errno.h).
const RESTARTS: &[(&str, u32)] =
    &[("ERESTARTSYS", 512), ("ERESTARTNOINTR", 513), ("ERESTARTNOHAND", 514), ("ERESTART_RESTARTBLOCK", 516)];

const OPEN_FLAGS: &[(&str, u32)] = constants![
    O_WRONLY O_RDWR O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_DSYNC O_SYNC O_ASYNC O_DIRECT O_DIRECTORY
    O_NOFOLLOW O_NOATIME O_CLOEXEC O_PATH O_TMPFILE
];

impl Table {
    /// What one of them is called.
    pub fn one(self) -> &'static str {
        match self {
            Table::Signals => "signal",
            Table::Syscalls => "system call",
            Table::Errors => "error",
            Table::OpenFlags => "flag of open",
        }
    }

    /// What stands for the value of a flag in help.
    pub fn placeholder(self) -> &'static str {
        match self {
            Table::Signals => "SIGNAL[,SIGNAL...]",
            Table::Syscalls => "SYSCALL[,SYSCALL...]",
            Table::Errors => "ERROR[,ERROR...]",
            Table::OpenFlags => "FLAG[,FLAG...]",
        }
    }

    /// How one may be written.
    pub fn example(self) -> &'static str {
        match self {
            Table::Signals => "SIGTERM, TERM or 15",
            Table::Syscalls => "openat",
            Table::Errors => "ENOENT or 2",
            Table::OpenFlags => "O_CREAT",
        }
    }

    /// The largest number, where numbers without a name are taken.
    fn largest(self) -> u32 {
        match self {
            Table::Signals => 64,
            Table::Syscalls => syscalls::NUMBERS as u32 - 1,
            Table::Errors => 4095, // MAX_ERRNO
            Table::OpenFlags => 0,
        }
    }

    fn names(self) -> Vec<String> {
        let owned = |names: &[(&str, u32)]| names.iter().map(|(name, _)| (*name).to_owned()).collect();
        match self {
            Table::Signals => (1..=64).map(signals::name).collect(),
            Table::Syscalls => {
                syscalls::NAMES.iter().filter(|name| !name.is_empty()).map(|n| (*n).to_owned()).collect()
            }
            Table::Errors => [owned(ERRORS), owned(RESTARTS)].concat(),
            Table::OpenFlags => owned(OPEN_FLAGS),
        }
    }

    /// The number of what is called so, or is written as a number.
    pub fn number(self, text: &str) -> Option<u32> {
        if let Ok(number) = text.parse::<u32>() {
            return (number <= self.largest()).then_some(number).filter(|_| self != Table::OpenFlags);
        }
        let upper = text.to_ascii_uppercase();
        let of = |table: &[(&str, u32)]| table.iter().find(|(name, _)| *name == upper).map(|&(_, number)| number);
        match self {
            Table::Signals => {
                let name = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
                (1..=64).find(|&number| signals::name(number) == name).map(u32::from)
            }
            Table::Syscalls => syscalls::number(text).and_then(|number| u32::try_from(number).ok()),
            Table::Errors => of(ERRORS).or_else(|| of(RESTARTS)),
            Table::OpenFlags => of(OPEN_FLAGS),
        }
    }

    /// What a number is called; the number itself if it has no name.
    fn name(self, number: u32) -> String {
        let of = |table: &[(&str, u32)]| table.iter().find(|(_, n)| *n == number).map(|(name, _)| (*name).to_owned());
        let name = match self {
            Table::Signals => u8::try_from(number).ok().map(signals::name),
            Table::Syscalls => syscalls::name(number.into()).map(str::to_owned),
            Table::Errors => of(ERRORS).or_else(|| of(RESTARTS)),
            Table::OpenFlags => of(OPEN_FLAGS),
        };
        name.unwrap_or_else(|| number.to_string())
    }

    /// Reads names with commas between them, at most so many; each is kept as it is called. A single 0 is none of them, so any, but
    /// where it is a system call.
    ///
    /// # Errors
    /// What is none of them, and what it may have been meant for.
    pub fn read(self, text: &str, most: u16) -> Result<SettingValue, String> {
        if text == "0" && matches!(self, Table::Signals | Table::Errors) {
            return Ok(SettingValue::Null);
        }
        let numbers = self.numbers(text)?;
        if numbers.len() > usize::from(most) {
            return Err(format!("{} names; it takes {most}", numbers.len()));
        }
        let names: Vec<String> = numbers.into_iter().map(|number| self.name(number)).collect();
        Ok(SettingValue::Text(names.join(",")))
    }

    /// The numbers of names with commas between them.
    ///
    /// # Errors
    /// What is none of them, and what it may have been meant for.
    pub fn numbers(self, text: &str) -> Result<Vec<u32>, String> {
        let one = |part: &str| {
            let known = self.number(part).filter(|&number| number > 0 || self == Table::Syscalls);
            known.ok_or_else(|| self.unknown(part))
        };
        text.split(',').map(|part| one(part.trim())).collect()
    }

    fn unknown(self, word: &str) -> String {
        let names = self.names();
        let alike = match self {
            Table::Syscalls => word.to_owned(),
            Table::Signals if !word.to_ascii_uppercase().starts_with("SIG") => {
                format!("SIG{}", word.to_ascii_uppercase())
            }
            _ => word.to_ascii_uppercase(),
        };
        let near = nearest(&alike, names.iter().map(String::as_str));
        format!("`{word}` is no {}{}", self.one(), did_you_mean(&near))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Result<SettingValue, String> {
        Ok(SettingValue::Text(text.to_owned()))
    }

    #[test]
    fn a_signal_is_the_same_however_it_is_written() {
        for written in ["SIGTERM", "TERM", "term", "15", " SigTerm "] {
            assert_eq!(Table::Signals.read(written, 4), text("SIGTERM"), "{written}");
            assert_eq!(Table::Signals.numbers(written), Ok(vec![15]), "{written}");
        }
        assert_eq!(Table::Signals.read("kill,34,SIGRT2", 4), text("SIGKILL,SIGRT2,SIGRT2"));
        assert_eq!(Table::Signals.read("0", 4), Ok(SettingValue::Null), "any");
        for wrong in ["", "SIG", "65", "-1", "0,9", "KILL,", "KILL,NOSUCH"] {
            assert!(Table::Signals.read(wrong, 4).is_err(), "{wrong}");
        }
        assert!(Table::Signals.read("1,2,3,4,5", 4).unwrap_err().contains("takes 4"));
        let near = Table::Signals.read("TREM", 4).unwrap_err();
        assert!(near.starts_with("`TREM` is no signal; did you mean SIG") && near.contains("SIGTERM"), "{near}");
    }

    #[test]
    fn errors_and_calls_have_names_and_numbers() {
        assert_eq!(Table::Errors.read("enoent,13,EWOULDBLOCK,200", 4), text("ENOENT,EACCES,EAGAIN,200"));
        assert_eq!(Table::Errors.numbers("ERESTARTSYS"), Ok(vec![512]));
        assert!(Table::Errors.read("ENOET", 1).unwrap_err().contains("ENOENT"));
        assert!(Table::Errors.read("4096", 1).is_err());
        assert_eq!(Table::Syscalls.read("getpid,read", 2), text("getpid,read"));
        let read = u32::try_from(libc::SYS_read).expect("a number");
        assert_eq!(Table::Syscalls.numbers(&read.to_string()), Ok(vec![read]), "which is 0 on x86");
        assert!(Table::Syscalls.read("opnat", 1).unwrap_err().contains("openat"));
        assert!(Table::Syscalls.read("512", 1).is_err());
        assert_eq!(Table::OpenFlags.read("o_creat,O_TRUNC", 2), text("O_CREAT,O_TRUNC"));
        assert!(Table::OpenFlags.read("64", 1).is_err(), "a number says no flag on every machine");
    }

    #[test]
    fn every_name_is_read_again_as_it_is_shown() {
        for table in [Table::Signals, Table::Syscalls, Table::Errors, Table::OpenFlags] {
            for name in table.names() {
                let number = table.number(&name).unwrap_or_else(|| panic!("{name}"));
                assert_eq!(table.number(&table.name(number)), Some(number), "{name}");
            }
        }
        // What this kernel's C library knows by number has a name here.
        for number in 1..=133 {
            if number != 41 && number != 58 {
                assert!(Table::Errors.name(number).starts_with('E'), "{number}");
            }
        }
    }
}
