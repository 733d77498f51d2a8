//! Which instructions a program can reach once its relocations are applied.
//!
//! `bpf_core_field_exists` and the constants of `.rodata` become numbers before load, and the
//! verifier never looks at a branch that they rule out. So the same is computed here: constants
//! are followed through registers, a branch between two of them is decided, all else is unknown
//! and goes both ways. What is reached by this includes what the verifier reaches.

use std::collections::{HashMap, HashSet};

use super::code::{Code, Insn, Place, Reference};
use super::need::Answer;

/// What a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Number(u64),
    /// An address in `.rodata`.
    Constant(u64),
    Unknown,
}

/// Registers; four bits name one, though only 0 to 10 exist.
type State = [Value; 16];

const UNKNOWN: State = [Value::Unknown; 16];

/// The bytes of `.rodata` at load, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Rodata(pub Vec<Option<u8>>);

impl Rodata {
    fn load(&self, at: u64, size: usize) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let bytes = self.0.get(at..at.checked_add(size)?)?;
        bytes.iter().rev().try_fold(0, |number, byte| Some(number << 8 | u64::from((*byte)?)))
    }
}

/// Steps that one object may take: a hundred times what the largest of ours takes. Every instruction
/// is met again only when a register turns unknown, so this is for files made to be slow or large.
pub const BUDGET: usize = 1 << 19;

/// A walk through one program.
pub struct Walk<'a> {
    /// The object.
    pub code: &'a Code<'a>,
    /// What became of each relocated instruction.
    pub answers: &'a HashMap<Place, Answer>,
    /// Constants.
    pub rodata: &'a Rodata,
}

impl Walk<'_> {
    /// The instructions that can be reached from `entry`; takes its steps off `budget`.
    ///
    /// # Errors
    /// A sentence if the budget is used up.
    pub fn reached(&self, entry: Place, budget: &mut usize) -> Result<HashSet<Place>, String> {
        let mut states: HashMap<Place, State> = HashMap::from([(entry, UNKNOWN)]);
        let mut waiting = vec![entry];
        let mut next = Vec::new();
        while let Some(place) = waiting.pop() {
            let (Some(insn), Some(&state)) = (self.code.insn(place), states.get(&place)) else { continue };
            *budget = budget.checked_sub(1).ok_or("the program is too large to be looked through")?;
            self.step(place, insn, state, &mut next);
            for (to, state) in next.drain(..) {
                let joined = states.get(&to).map_or(state, |old| join(old, &state));
                if states.insert(to, joined) != Some(joined) {
                    waiting.push(to);
                }
            }
        }
        Ok(states.into_keys().filter(|&place| self.code.insn(place).is_some()).collect())
    }

    /// Where an instruction leads, and with which registers.
    fn step(&self, place: Place, insn: Insn, mut state: State, next: &mut Vec<(Place, State)>) {
        let at = |distance: i64| {
            let to = usize::try_from(place.1 as i64 + 1 + distance).ok()?;
            Some((place.0, to))
        };
        let mut go = |to: Option<Place>, state: State| next.extend(to.map(|to| (to, state)));
        match insn.code & 7 {
            0 if insn.code == 0x18 => {
                state[insn.dst] = self.wide_constant(place, insn);
                // A function's address is taken for a helper to call it (bpf_loop).
                if let Some(&Reference::Code(section, offset)) = self.code.references.get(&place) {
                    let start = offset.wrapping_add(insn.imm as u64) / 8;
                    go(usize::try_from(start).ok().map(|start| (section, start)), UNKNOWN);
                }
                go(at(1), state);
            }
            // Packet access of old: a call, as far as registers are concerned.
            0 => go(at(0), after_call(state)),
            1 => {
                state[insn.dst] = self.load(place, insn, state[insn.src]);
                go(at(0), state);
            }
            2 => go(at(0), state),
            3 => {
                // Atomic operations may fetch: into src, r0, or dst (load-acquire).
                if insn.code & 0xe0 == 0xc0 {
                    (state[0], state[insn.src], state[insn.dst]) = (Value::Unknown, Value::Unknown, Value::Unknown);
                }
                go(at(0), state);
            }
            4 | 7 => {
                state[insn.dst] = self.compute(place, insn, &state);
                go(at(0), state);
            }
            class => match insn.code & 0xf0 {
                0x00 => go(at(if class == 6 { i64::from(insn.imm) } else { i64::from(insn.off) }), state),
                0x80 => {
                    go(self.callee(place, insn), UNKNOWN);
                    go(at(0), after_call(state));
                }
                0x90 => {}
                _ => {
                    let taken = is_taken(insn, &state);
                    if taken != Some(false) {
                        go(at(i64::from(insn.off)), state);
                    }
                    if taken != Some(true) {
                        go(at(0), state);
                    }
                }
            },
        }
    }

    /// `rX = CONSTANT ll`: a number, an address in `.rodata`, or that of a map.
    fn wide_constant(&self, place: Place, insn: Insn) -> Value {
        let number = |high: Insn| u64::from(high.imm as u32) << 32 | u64::from(insn.imm as u32);
        match (self.answers.get(&place), self.code.references.get(&place)) {
            (Some(Answer::Value(value)), _) => Value::Number(*value),
            (None, Some(Reference::Constant(offset))) => Value::Constant(offset.wrapping_add(insn.imm as u64)),
            (None, None) if insn.src == 0 => {
                self.code.insn((place.0, place.1 + 1)).map_or(Value::Unknown, |high| Value::Number(number(high)))
            }
            _ => Value::Unknown,
        }
    }

    fn load(&self, place: Place, insn: Insn, from: Value) -> Value {
        // Only plain loads (BPF_MEM), not those that extend a sign.
        let Value::Constant(address) = from else { return Value::Unknown };
        if insn.code & 0xe0 != 0x60 || self.answers.contains_key(&place) {
            return Value::Unknown;
        }
        let size = [4, 2, 1, 8][usize::from(insn.code >> 3 & 3)];
        let value = self.rodata.load(address.wrapping_add(insn.off as u64), size);
        value.map_or(Value::Unknown, Value::Number)
    }

    fn compute(&self, place: Place, insn: Insn, state: &State) -> Value {
        let operand = match (insn.code & 8 != 0, self.answers.get(&place)) {
            (true, _) => state[insn.src],
            // libbpf writes the low half into the instruction, which extends its sign.
            (false, Some(Answer::Value(value))) => Value::Number(*value as i32 as u64),
            (false, Some(_)) => Value::Unknown,
            (false, None) => Value::Number(insn.imm as u64),
        };
        let wide = insn.code & 7 == 7;
        match (insn.code & 0xf0, state[insn.dst], operand) {
            // With an offset it is a move that extends a sign.
            (0xb0, _, Value::Number(n)) if insn.off == 0 => Value::Number(if wide { n } else { n & 0xffff_ffff }),
            (0xb0, _, operand) if insn.off == 0 && wide => operand,
            (0x00, Value::Constant(a), Value::Number(n)) if wide => Value::Constant(a.wrapping_add(n)),
            (op, Value::Number(a), Value::Number(b)) => {
                arithmetic(op, wide, a, b).map_or(Value::Unknown, Value::Number)
            }
            _ => Value::Unknown,
        }
    }

    /// The function of this object that is called, if it is one.
    fn callee(&self, place: Place, insn: Insn) -> Option<Place> {
        const PSEUDO_CALL: usize = 1;
        let base = match self.code.references.get(&place) {
            // The relocation names a function with imm -1, or a section with imm counting from it.
            Some(&Reference::Code(section, offset)) => (section, offset as i64 / 8),
            None if insn.src == PSEUDO_CALL => (place.0, place.1 as i64),
            _ => return None,
        };
        let index = base.1.checked_add(i64::from(insn.imm) + 1)?;
        Some((base.0, usize::try_from(index).ok()?))
    }
}

fn join(a: &State, b: &State) -> State {
    std::array::from_fn(|i| if a[i] == b[i] { a[i] } else { Value::Unknown })
}

/// A call leaves its result in r0 and rubbish in r1 to r5.
fn after_call(mut state: State) -> State {
    state[..6].fill(Value::Unknown);
    state
}

/// Operations on constants; those that compilers do not use to combine conditions are left out.
fn arithmetic(op: u8, wide: bool, a: u64, b: u64) -> Option<u64> {
    let (a, b) = if wide { (a, b) } else { (a & 0xffff_ffff, b & 0xffff_ffff) };
    let shift = b as u32 & if wide { 63 } else { 31 };
    let result = match op {
        0x00 => a.wrapping_add(b),
        0x10 => a.wrapping_sub(b),
        0x20 => a.wrapping_mul(b),
        0x40 => a | b,
        0x50 => a & b,
        0x60 => a << shift,
        0x70 => a >> shift,
        0xa0 => a ^ b,
        0xc0 if wide => (a as i64 >> shift) as u64,
        0xc0 => (a as i32 >> shift) as u64,
        _ => return None,
    };
    Some(if wide { result } else { result & 0xffff_ffff })
}

/// Whether a conditional jump is taken; `None` if that is not known.
fn is_taken(insn: Insn, state: &State) -> Option<bool> {
    let right = if insn.code & 8 != 0 { state[insn.src] } else { Value::Number(insn.imm as u64) };
    let (Value::Number(a), Value::Number(b)) = (state[insn.dst], right) else { return None };
    // Class 6 compares 32 bits.
    let wide = insn.code & 7 == 5;
    let (a, b) = if wide { (a, b) } else { (a & 0xffff_ffff, b & 0xffff_ffff) };
    let signed = |n: u64| if wide { n as i64 } else { i64::from(n as i32) };
    Some(match insn.code & 0xf0 {
        0x10 => a == b,
        0x20 => a > b,
        0x30 => a >= b,
        0x40 => a & b != 0,
        0x50 => a != b,
        0x60 => signed(a) > signed(b),
        0x70 => signed(a) >= signed(b),
        0xa0 => a < b,
        0xb0 => a <= b,
        0xc0 => signed(a) < signed(b),
        0xd0 => signed(a) <= signed(b),
        _ => return None,
    })
}

#[cfg(test)]
#[path = "reach_tests.rs"]
mod tests;
