//! Empty programs on raw tracepoints: what the hooks alone cost.

use std::ffi::CString;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use bcc_top::probes::sys;

/// Programs that return 0, attached.
pub struct Floor {
    programs: Vec<OwnedFd>,
    _links: Vec<OwnedFd>,
}

impl Floor {
    /// Attaches one to each tracepoint.
    pub fn attach(tracepoints: &[&str]) -> Floor {
        let mut floor = Floor { programs: vec![], _links: vec![] };
        for name in tracepoints {
            let name = CString::new(*name).expect("a name");
            let insn = |code| libbpf_sys::bpf_insn { code, ..Default::default() };
            // r0 = 0; exit
            let code = [insn(0xb7), insn(0x95)];
            let mut options = libbpf_sys::bpf_prog_load_opts {
                sz: size_of::<libbpf_sys::bpf_prog_load_opts>() as _,
                expected_attach_type: libbpf_sys::BPF_TRACE_RAW_TP,
                ..Default::default()
            };
            // SAFETY: all pointers outlive the calls; a non-negative result is our descriptor.
            unsafe {
                let id = libbpf_sys::libbpf_find_vmlinux_btf_id(name.as_ptr(), libbpf_sys::BPF_TRACE_RAW_TP);
                options.attach_btf_id = u32::try_from(id).expect("the tracepoint is in BTF");
                let program = libbpf_sys::bpf_prog_load(
                    libbpf_sys::BPF_PROG_TYPE_TRACING,
                    c"floor".as_ptr(),
                    c"GPL".as_ptr(),
                    code.as_ptr(),
                    code.len() as _,
                    &mut options,
                );
                assert!(program >= 0, "loading needs root: {program}");
                let link = libbpf_sys::bpf_raw_tracepoint_open(std::ptr::null(), program);
                assert!(link >= 0, "attaching: {link}");
                floor.programs.push(OwnedFd::from_raw_fd(program));
                floor._links.push(OwnedFd::from_raw_fd(link));
            }
        }
        floor
    }

    /// Run time and runs so far.
    pub fn counters(&self) -> (u64, u64) {
        let of = |fd: &OwnedFd| sys::program_counters(fd.as_fd()).expect("our own program");
        self.programs.iter().map(of).fold((0, 0), |(ns, runs), c| (ns + c.run_time_ns, runs + c.runs))
    }
}
