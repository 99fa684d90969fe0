//! The bytes of a file as they are sent: all at once, or piece by piece. The disk is read beside the work of others.

use std::io::Read;
use std::path::Path;

/// What is larger goes in parts.
const LARGE: u64 = 16 << 20;
/// Parts that AWS takes for one object.
const MOST_PARTS: u64 = 10_000;

pub enum Parts {
    One(Vec<u8>),
    Many(File),
}

/// An open file, and how much of it makes a part.
pub struct File {
    file: Option<std::fs::File>,
    part: u64,
}

pub async fn open(path: &Path) -> std::io::Result<Parts> {
    let path = path.to_path_buf();
    aside(move || {
        let mut file = std::fs::File::open(path)?;
        let size = file.metadata()?.len();
        if size > LARGE {
            return Ok(Parts::Many(File { file: Some(file), part: part_of(size) }));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Parts::One(bytes))
    })
    .await
}

/// Whole MiB, and as few as there may be.
fn part_of(size: u64) -> u64 {
    size.div_ceil(MOST_PARTS).next_multiple_of(1 << 20).max(LARGE)
}

impl File {
    /// The next part; nothing at the end.
    pub async fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let Some(file) = self.file.take() else { return Ok(None) };
        let part = self.part;
        let (file, bytes) = aside(move || {
            let mut bytes = Vec::new();
            let mut piece = file.take(part);
            piece.read_to_end(&mut bytes)?;
            Ok((piece.into_inner(), bytes))
        })
        .await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.file = Some(file);
        Ok(Some(bytes))
    }
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_has_too_many_parts() {
        for size in [LARGE + 1, 100 << 30, 5 << 40] {
            let part = part_of(size);
            assert!(size.div_ceil(part) <= MOST_PARTS && (LARGE..=5 << 30).contains(&part), "{size}: {part}");
        }
        assert_eq!(part_of(LARGE + 1), LARGE);
    }

    #[tokio::test]
    async fn a_large_file_comes_in_pieces() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("large");
        let bytes: Vec<u8> = (0..LARGE + 5).map(|at| at as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let Parts::Many(mut file) = open(&path).await.unwrap() else { panic!("it is large") };
        let mut all = Vec::new();
        let mut count = 0;
        while let Some(part) = file.next().await.unwrap() {
            all.extend(part);
            count += 1;
        }
        assert!(all == bytes && count == 2);
    }
}
