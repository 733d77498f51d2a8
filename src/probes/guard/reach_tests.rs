use super::*;

const EXIT: Insn = Insn { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 };
const HELPER: Insn = Insn { code: 0x85, dst: 0, src: 0, off: 0, imm: 1 };

fn set(dst: usize, imm: i32) -> Insn {
    Insn { code: 0xb7, dst, imm, ..Insn::default() }
}

/// `if rDST OP imm goto +off`
fn jump(code: u8, dst: usize, imm: i32, off: i16) -> Insn {
    Insn { code, dst, src: 0, off, imm }
}

/// `rDST = *(u32 *)(rSRC + off)`
fn load(dst: usize, src: usize, off: i16) -> Insn {
    Insn { code: 0x61, dst, src, off, imm: 0 }
}

fn wide(dst: usize, imm: i32) -> [Insn; 2] {
    [Insn { code: 0x18, dst, imm, ..Insn::default() }, Insn::default()]
}

struct Program {
    insns: Vec<Insn>,
    answers: HashMap<Place, Answer>,
    references: HashMap<Place, Reference>,
    rodata: Vec<Option<u8>>,
}

impl Program {
    fn new(insns: &[Insn]) -> Program {
        Program { insns: insns.to_vec(), answers: HashMap::new(), references: HashMap::new(), rodata: vec![] }
    }

    fn answer(mut self, at: usize, answer: Answer) -> Program {
        self.answers.insert((1, at), answer);
        self
    }

    fn refer(mut self, at: usize, reference: Reference) -> Program {
        self.references.insert((1, at), reference);
        self
    }

    fn try_reached(&self, mut budget: usize) -> Result<Vec<usize>, String> {
        let insns = HashMap::from([(1, self.insns.clone())]);
        let code = Code { insns, references: self.references.clone(), ..Code::default() };
        let rodata = Rodata(self.rodata.clone());
        let walk = Walk { code: &code, answers: &self.answers, rodata: &rodata };
        let mut reached: Vec<usize> = walk.reached((1, 0), &mut budget)?.into_iter().map(|(_, at)| at).collect();
        reached.sort_unstable();
        Ok(reached)
    }

    fn reached(&self) -> Vec<usize> {
        self.try_reached(1000).expect("enough steps")
    }
}

#[test]
fn what_exists_decides_a_branch() {
    let exists = |answer| Program::new(&[set(1, 1), jump(0x15, 1, 0, 1), set(2, 7), EXIT]).answer(0, answer);
    assert_eq!(exists(Answer::Value(1)).reached(), [0, 1, 2, 3]);
    assert_eq!(exists(Answer::Value(0)).reached(), [0, 1, 3]);
    let both = exists(Answer::Known);
    assert_eq!(both.reached(), [0, 1, 2, 3], "a place in a struct is some number");
    let never = Program::new(&[set(1, 1), jump(0x55, 1, 0, 1), set(2, 7), EXIT]);
    assert_eq!(never.reached(), [0, 1, 3]);
}

#[test]
fn what_differs_where_two_ways_meet_is_unknown() {
    // r1 is 1 or 2, by an unknown r0; then a branch on it, and one on r2, which is 5 either way.
    let insns = [
        set(2, 5),
        set(1, 1),
        jump(0x15, 0, 0, 1),
        set(1, 2),
        jump(0x15, 1, 1, 1),
        set(3, 0),
        jump(0x15, 2, 5, 1),
        set(3, 1),
        EXIT,
    ];
    assert_eq!(Program::new(&insns).reached(), [0, 1, 2, 3, 4, 5, 6, 8]);
}

#[test]
fn a_loop_ends() {
    let count = Insn { code: 0x07, dst: 1, imm: 1, ..Insn::default() };
    let program = Program::new(&[set(1, 0), jump(0x15, 1, 1_000_000, 2), count, jump(0x05, 0, 0, -3), EXIT]);
    assert_eq!(program.reached(), [0, 1, 2, 3, 4]);
    assert!(program.try_reached(3).is_err(), "the budget counts");
    assert_eq!(Program::new(&[jump(0x05, 0, 0, -1)]).reached(), [0]);
}

#[test]
fn a_known_constant_decides_and_an_unknown_one_does_not() {
    let [low, high] = wide(1, 4);
    let mut program = Program::new(&[low, high, load(1, 1, 4), jump(0x35, 1, 4, 1), set(2, 0), EXIT])
        .refer(0, Reference::Constant(0));
    program.rodata = [0; 8].map(Some).into_iter().chain([4, 0, 0, 0].map(Some)).collect();
    assert_eq!(program.reached(), [0, 2, 3, 5]);
    program.rodata[8] = Some(3);
    assert_eq!(program.reached(), [0, 2, 3, 4, 5], "3 < 4: not taken");
    program.rodata[9] = None;
    assert_eq!(program.reached(), [0, 2, 3, 4, 5]);
    program.rodata.truncate(10);
    assert_eq!(program.reached(), [0, 2, 3, 4, 5]);
}

#[test]
fn calls_clobber_what_the_convention_says() {
    let after =
        |register| Program::new(&[set(1, 0), set(6, 0), HELPER, jump(0x15, register, 0, 1), set(2, 0), EXIT]).reached();
    assert_eq!(after(1), [0, 1, 2, 3, 4, 5]);
    assert_eq!(after(6), [0, 1, 2, 3, 5]);
}

#[test]
fn called_functions_are_reached_with_unknown_registers() {
    let call = |imm| Insn { code: 0x85, src: 1, imm, ..Insn::default() };
    let rest = [EXIT, EXIT, jump(0x15, 1, 0, 1), set(2, 0), EXIT];
    let program = |first: Insn| Program::new(&[&[set(1, 0), first], &rest[..]].concat());
    assert_eq!(program(HELPER).reached(), [0, 1, 2]);
    assert_eq!(program(call(2)).reached(), [0, 1, 2, 4, 5, 6]);
    assert_eq!(program(call(-1)).refer(1, Reference::Code(1, 24)).reached(), [0, 1, 2, 3]);
    assert_eq!(program(call(2)).refer(1, Reference::Code(1, 8)).reached(), [0, 1, 2, 4, 5, 6]);
    let [low, high] = wide(2, 8);
    let callback = Program::new(&[low, high, HELPER, EXIT, EXIT]).refer(0, Reference::Code(1, 24));
    assert_eq!(callback.reached(), [0, 2, 3, 4]);
}

#[test]
fn comparisons_have_a_width_and_a_sign() {
    let taken = |code, a, b| is_taken(jump(code, 0, b, 0), &[Value::Number(a); 16]);
    assert_eq!(taken(0x15, 0x1_0000_0001, 1), Some(false));
    assert_eq!(taken(0x16, 0x1_0000_0001, 1), Some(true));
    assert_eq!(taken(0x25, u64::MAX, 1), Some(true));
    assert_eq!(taken(0x65, u64::MAX, 1), Some(false));
    assert_eq!(taken(0xc6, 0xffff_ffff, 0), Some(true));
    assert_eq!(taken(0xb5, u64::MAX, -1), Some(true), "constants are extended with their sign");
    assert_eq!(taken(0xe5, 0, 0), None, "may_goto goes both ways");
    assert_eq!(arithmetic(0xc0, false, 0x8000_0000, 31), Some(0xffff_ffff));
    assert_eq!(arithmetic(0x10, false, 0, 1), Some(0xffff_ffff));
    assert_eq!(arithmetic(0x60, true, 1, 65), Some(2));
}

#[test]
fn jumps_to_nowhere_lead_nowhere() {
    for off in [i16::MIN, i16::MAX, -2] {
        assert_eq!(Program::new(&[jump(0x15, 0, 0, off), EXIT]).reached(), [0, 1]);
    }
    for code in 0..=u8::MAX {
        let all = Insn { code, dst: 15, src: 15, off: -1, imm: i32::MIN };
        Program::new(&[set(15, -1), all, all]).try_reached(1000).expect("an end");
    }
}
