//! Groups of views in menus.

use serde::Deserialize;

/// BCC's groups, in BCC's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// General tools.
    General,
    /// Memory and process.
    Memory,
    /// Performance and time.
    Performance,
    /// CPU and scheduler.
    Cpu,
    /// Network and sockets.
    Network,
    /// Storage and filesystems.
    Storage,
}

impl Group {
    /// The word used in JSON and `--group`.
    pub fn name(self) -> &'static str {
        match self {
            Group::General => "general",
            Group::Memory => "memory",
            Group::Performance => "performance",
            Group::Cpu => "cpu",
            Group::Network => "network",
            Group::Storage => "storage",
        }
    }

    /// The heading in menus.
    pub fn title(self) -> &'static str {
        match self {
            Group::General => "General",
            Group::Memory => "Memory and process",
            Group::Performance => "Performance and time",
            Group::Cpu => "CPU and scheduler",
            Group::Network => "Network and sockets",
            Group::Storage => "Storage and filesystems",
        }
    }
}
