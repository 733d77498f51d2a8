//! BTF made by hand, for tests.

/// Types and strings being collected.
pub struct Types {
    types: Vec<u8>,
    strings: Vec<u8>,
    n: u32,
}

impl Default for Types {
    fn default() -> Types {
        Types { types: vec![], strings: vec![0], n: 0 }
    }
}

impl Types {
    /// Adds a string and gives its offset.
    pub fn string(&mut self, text: &str) -> u32 {
        let at = self.strings.len() as u32;
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        at
    }

    fn name(&mut self, name: &str) -> u32 {
        if name.is_empty() { 0 } else { self.string(name) }
    }

    fn push(&mut self, name: &str, kind: u32, vlen: usize, size_or_type: u32, rest: &[u32]) -> u32 {
        let name = self.name(name);
        for word in [name, kind << 24 | vlen as u32, size_or_type].iter().chain(rest) {
            self.types.extend_from_slice(&word.to_ne_bytes());
        }
        self.n += 1;
        self.n
    }

    /// An integer of so many bytes.
    pub fn int(&mut self, bytes: u32, signed: bool) -> u32 {
        self.push("int", 1, 0, bytes, &[(u32::from(signed) << 24) | (bytes * 8)])
    }

    /// A pointer.
    pub fn pointer(&mut self, to: u32) -> u32 {
        self.push("", 2, 0, to, &[])
    }

    /// An array.
    pub fn array(&mut self, of: u32, len: u32) -> u32 {
        self.push("", 3, 0, 0, &[of, of, len])
    }

    /// A struct with members `(name, type)`, one each 8 bytes.
    pub fn structure(&mut self, name: &str, members: &[(&str, u32)]) -> u32 {
        let mut rest = Vec::new();
        for (i, (name, ty)) in members.iter().enumerate() {
            rest.extend([self.name(name), *ty, 64 * i as u32]);
        }
        self.push(name, 4, members.len(), 8 * members.len() as u32, &rest)
    }

    /// An enum.
    pub fn enumeration(&mut self, name: &str, values: &[(&str, u32)]) -> u32 {
        let rest: Vec<u32> = values.iter().flat_map(|(name, value)| [self.string(name), *value]).collect();
        self.push(name, 6, values.len(), 4, &rest)
    }

    /// A typedef.
    pub fn typedef(&mut self, name: &str, of: u32) -> u32 {
        self.push(name, 8, 0, of, &[])
    }

    /// The BTF.
    pub fn write(&self) -> Vec<u8> {
        let mut out = vec![0x9f, 0xeb, 1, 0];
        for word in [24, 0, self.types.len() as u32, self.types.len() as u32, self.strings.len() as u32] {
            out.extend_from_slice(&word.to_ne_bytes());
        }
        out.extend_from_slice(&self.types);
        out.extend_from_slice(&self.strings);
        out
    }
}
