//! The binary: everything is in the library, so that tests reach it.
use bcc_top::{feed::*, frame::*, sampler::Live};
use std::time::Duration;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let settings = a[3..]
        .iter()
        .map(|s| {
            let (k, v) = s.split_once('=').unwrap();
            (k.to_string(), v.parse::<i64>().map(SettingValue::Int).unwrap_or(SettingValue::Text(v.to_string())))
        })
        .collect();
    let mut feed = Live::default().open(Request {
        view: a[1].clone(),
        interval: Duration::from_secs(1),
        first: None,
        settings,
        force: vec![],
    });
    let mut n = a[2].parse::<i32>().unwrap();
    while let Some(e) = feed.events.blocking_recv() {
        match e {
            Event::Frame(f) => {
                println!(
                    "{:?} real {} lost {:?} cost {:?} {:?}",
                    f.status, f.interval.real_ns, f.lost, f.cost, f.hooks
                );
                for c in &f.table.schema.columns {
                    print!("{} ", c.name)
                }
                println!();
                for r in 0..f.table.len().min(20) {
                    for c in 0..f.table.width() {
                        match f.table.cell(r, c) {
                            Value::Text(t) => print!("{} ", String::from_utf8_lossy(f.table.text(t))),
                            Value::Null => print!("- "),
                            Value::Uint(n) => print!("{n} "),
                            Value::Int(n) => print!("{n} "),
                            Value::Float(n) => print!("{n:.3} "),
                        }
                    }
                    println!();
                    if let Some(h) = f.histograms.get(r) {
                        println!("   {:?} p50 {:?} max {:?}", &h.buckets[..30], h.percentile(0.5), h.max);
                    }
                }
                n -= 1;
                if n <= 0 {
                    break;
                }
            }
            other => println!("{other:?}"),
        }
    }
}
