//! Payloads that the server cannot read: arguments and results are compressed, then encrypted with a key of this process.

use resonate::{
    codec::{Codec, Compressed, Encrypted, Key},
    prelude::*,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Patient {
    name: String,
    notes: Vec<String>,
}

#[durable(service = "clinic")]
async fn admit(name: &str) -> Result<Patient> {
    let notes = vec!["admitted".to_owned(); 100];
    let name = name.to_owned();
    Ok(Patient { name, notes })
}

#[durable(service = "clinic")]
async fn treat(name: String) -> Result<Patient> {
    let mut patient = admit(&name).remote().await?;
    patient.notes.push("treated".to_owned());
    Ok(patient)
}

/// Encrypts with the newest key and still reads what the one before has encrypted.
fn codec() -> Result<Encrypted> {
    // From wherever you keep secrets; `openssl rand -hex 32` makes one.
    let (new, old) = ("5e".repeat(32), "a1".repeat(32));
    Ok(Encrypted::new([
        Key::from_hex("2026-12", &new)?,
        Key::from_hex("2026-06", &old)?,
    ])?)
}

#[tokio::main]
async fn main() -> Result<()> {
    let builder = Resonate::builder().in_memory();
    let codec = codec()?.over(Compressed::new());
    let resonate = builder.codec(codec).start().await?;
    let patient = treat("Ferris".to_owned()).id("treat-1").await?;
    println!("{}: {} notes", patient.name, patient.notes.len());

    // Somebody without the key: for instance whoever runs the server.
    let stranger = Resonate::builder().url(resonate.url()).serve([]);
    let stranger = stranger.start().await?;
    let error = stranger.get::<Patient>("treat-1.admit").await;
    println!("{}", error.expect_err("it is encrypted"));
    Ok(())
}
