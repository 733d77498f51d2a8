//! Which container a control group belongs to, by the names that container managers give.

use super::escape::unescape;

/// Hex digits shown of an id, as `docker ps` does.
const SHORT: usize = 12;

/// The container named by a control group path: 12 digits of an id, or a name.
///
/// The innermost container counts: a Kubernetes node that is itself a Docker container has pods inside.
pub fn of_path(path: &[u8]) -> Option<Vec<u8>> {
    let parts: Vec<&[u8]> = path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).collect();
    (0..parts.len()).rev().find_map(|at| of_part(&parts[..at], parts[at]))
}

/// The container that `/proc/PID/cgroup` names. On hybrid hosts the v2 line (`0::`) says `/` and
/// only some v1 hierarchies name the container, so every line is looked at, v2 first.
pub fn of_process(text: &[u8]) -> Option<Vec<u8>> {
    let lines = || text.split(|&byte| byte == b'\n').filter_map(hierarchy);
    let v2 = lines().filter(|&(v2, _)| v2).find_map(|(_, path)| of_path(path));
    v2.or_else(|| lines().filter(|&(v2, _)| !v2).find_map(|(_, path)| of_path(path)))
}

/// The v2 path that `/proc/PID/cgroup` names, else the longest v1 path.
pub fn path_of_process(text: &[u8]) -> Option<&[u8]> {
    let lines = || text.split(|&byte| byte == b'\n').filter_map(hierarchy);
    let v2 = lines().find(|&(v2, path)| v2 && path != b"/");
    v2.or_else(|| lines().max_by_key(|&(_, path)| path.len())).map(|(_, path)| path)
}

/// `ID:CONTROLLERS:PATH`; whether it is the v2 hierarchy, and the path, which may hold colons.
fn hierarchy(line: &[u8]) -> Option<(bool, &[u8])> {
    let mut fields = line.splitn(3, |&byte| byte == b':');
    let (id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    Some((id == b"0" && controllers.is_empty(), path))
}

fn of_part(parents: &[&[u8]], part: &[u8]) -> Option<Vec<u8>> {
    let parent = parents.last().copied().unwrap_or_default();
    let bare = strip_suffixes(part);
    // The monitor of a container (conmon, lxc.monitor) runs outside of it.
    if contains(bare, b"conmon") || bare.starts_with(b"lxc.monitor") {
        return None;
    }
    // docker-ID.scope, crio-ID.scope, libpod-ID.scope, cri-containerd-ID.scope,
    // kubepods-burstable-podUID.slice:cri-containerd:ID, /docker/ID, /kubepods/podUID/ID
    let id = bare.rsplit(|&byte| byte == b'-' || byte == b':').next().unwrap_or_default();
    if is_hex(id, 64) {
        return Some(id[..SHORT].to_vec());
    }
    // /ecs/TASK-NUMBER on Fargate; 32 digits alone are used by several smaller managers.
    let (head, tail) = split_once(bare, b'-').unwrap_or((bare, b"0"));
    if is_hex(head, 32) && tail.iter().all(u8::is_ascii_digit) {
        return Some(head[..SHORT].to_vec());
    }
    if parents.iter().any(|part| part.starts_with(b"garden")) && looks_like_uuid(bare) {
        return Some(bare.iter().copied().filter(|&byte| byte != b'-').take(SHORT).collect());
    }
    if let Some(name) = bare.strip_prefix(b"lxc.payload.") {
        return named(name);
    }
    if parent == b"lxc" || parent == b"lxc.payload" {
        return named(bare);
    }
    if parent == b"machine.slice" {
        let name = bare.strip_prefix(b"machine-").or_else(|| bare.strip_prefix(b"systemd-nspawn@"));
        return name.and_then(|name| named(&unit_name(name)));
    }
    None
}

fn named(name: &[u8]) -> Option<Vec<u8>> {
    (!name.is_empty()).then(|| name[..name.len().min(64)].to_vec())
}

fn strip_suffixes(part: &[u8]) -> &[u8] {
    [&b".scope"[..], b".service"].iter().find_map(|suffix| part.strip_suffix(*suffix)).unwrap_or(part)
}

fn is_hex(text: &[u8], digits: usize) -> bool {
    text.len() == digits && text.iter().all(u8::is_ascii_hexdigit)
}

/// Garden cuts its identifiers in more than one way, all with hex digits and dashes.
fn looks_like_uuid(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    digits >= 20 && text.iter().all(|&byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn split_once(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let position = text.iter().position(|&byte| byte == at)?;
    Some((&text[..position], &text[position + 1..]))
}

/// Undoes systemd's escapes: `\x2d` is a dash in a unit's name.
fn unit_name(text: &[u8]) -> Vec<u8> {
    unescape(text, |code| u8::from_str_radix(code.strip_prefix('x')?, 16).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7be92808767a667f35c8505cbf40d14e931ef6db5b0210329cf193b15ba9d605";

    fn path(path: &str) -> Option<String> {
        of_path(path.replace("ID", ID).as_bytes()).map(|id| String::from_utf8(id).expect("text"))
    }

    #[test]
    fn managers_that_number_their_containers() {
        for known in [
            "/system.slice/docker-ID.scope",
            "/docker/ID",
            "/docker/ID/system.slice/cron.service",
            "/machine.slice/libpod-ID.scope",
            "/machine.slice/libpod-ID.scope/container",
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope",
            "/kubepods/burstable/pod69e8a2ca-1a5b-4a3a-9d2a-3a7d0c1b2c3d/ID",
            "/kubepods.slice/kubepods-pod69e8a2ca.slice/cri-containerd-ID.scope",
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod6.slice/crio-ID.scope",
            "/system.slice/containerd.service/kubepods-burstable-pod6.slice:cri-containerd:ID",
            "/ecs/0410eff2a68e4d3f8a9b0c1d2e3f4a5b/ID",
            "/docker/aaaa2808767a667f35c8505cbf40d14e931ef6db5b0210329cf193b15ba9d605/kubepods/pod1/ID",
        ] {
            assert_eq!(path(known).as_deref(), Some("7be92808767a"), "{known}");
        }
        assert_eq!(path("/ecs/34dc0b5e626f2c5c4c5170e34b10e765-1234567890").as_deref(), Some("34dc0b5e626f"));
        let garden = "/system.slice/garden.service/garden/good/2a0a3b1a-8d0c-4f67-5a2c-c8b4";
        assert_eq!(path(garden).as_deref(), Some("2a0a3b1a8d0c"));
    }

    #[test]
    fn managers_that_name_their_containers() {
        assert_eq!(path("/lxc/web1").as_deref(), Some("web1"));
        assert_eq!(path("/lxc.payload.web1/system.slice/nginx.service").as_deref(), Some("web1"));
        assert_eq!(path("/lxc.payload/web1/init.scope").as_deref(), Some("web1"));
        assert_eq!(path("/machine.slice/machine-deb\\x2d12.scope/payload").as_deref(), Some("deb-12"));
        assert_eq!(path("/machine.slice/systemd-nspawn@deb.service/payload").as_deref(), Some("deb"));
    }

    #[test]
    fn what_is_no_container() {
        for plain in [
            "/",
            "/init.scope",
            "/system.slice/ssh.service",
            "/user.slice/user-1000.slice/session-3.scope",
            "/kubepods.slice/kubepods-pod69e8a2ca_1a5b_4a3a_9d2a_3a7d0c1b2c3d.slice",
            "/machine.slice/libpod-conmon-ID.scope",
            "/lxc.monitor.web1",
            "/system.slice/run-r0410eff2a68e4d3f8a9b0c1d2e3f4a5b.scope",
            "/system.slice/docker.service",
            "",
        ] {
            assert_eq!(path(plain), None, "{plain}");
        }
    }

    #[test]
    fn a_process_on_a_pure_v2_host() {
        let text = format!("0::/system.slice/docker-{ID}.scope\n");
        assert_eq!(of_process(text.as_bytes()).as_deref(), Some(&ID.as_bytes()[..12]));
        assert_eq!(path_of_process(b"0::/init.scope\n"), Some(&b"/init.scope"[..]));
        assert_eq!(of_process(b"0::/user.slice/user-1000.slice/session-3.scope\n"), None);
    }

    #[test]
    fn a_process_on_a_hybrid_host_is_named_by_v1() {
        let text = format!(
            "12:blkio:/docker/{ID}\n5:devices:/docker/{ID}\n2:net_cls,net_prio:/\n1:name=systemd:/docker/{ID}\n0::/\n"
        );
        assert_eq!(of_process(text.as_bytes()).as_deref(), Some(&ID.as_bytes()[..12]));
        assert_eq!(path_of_process(text.as_bytes()), Some(format!("/docker/{ID}").as_bytes()));
        let memory_only = b"4:memory:/jobs/2eb4bdae7a630ebc9fce4b1a2d4803a7\n3:cpuset:/\n0::/\n";
        assert_eq!(of_process(memory_only).as_deref(), Some(&b"2eb4bdae7a63"[..]));
    }

    #[test]
    fn a_process_on_a_v1_host_and_in_no_container() {
        let text = b"4:memory:/user.slice\n3:cpu,cpuacct:/user.slice\n1:name=systemd:/user.slice/user-0.slice\n";
        assert_eq!(of_process(text), None);
        assert_eq!(path_of_process(text), Some(&b"/user.slice/user-0.slice"[..]));
        assert_eq!(of_process(b""), None);
        assert_eq!(of_process(b"garbage"), None);
    }

    #[test]
    fn names_of_units_may_hold_any_escape() {
        assert_eq!(unit_name(b"a\\x2db\\x"), b"a-b\\x");
        assert_eq!(unit_name(b"\\x5cx2d"), b"\\x2d");
    }
}
