//! Which files may be sold, and where downloads may go. Whoever sells a file reads it, and whoever buys one writes what a stranger
//! chose: neither may touch what the node itself lives on, and a token with few scopes may not touch more than the owner named.

use std::fs;
use std::path::{Path, PathBuf};

/// Who wants to sell or buy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The owner, or a token with the scope `admin`: everything outside the node's folder.
    Everything,
    /// Everybody else: what is inside the folders that the config names.
    Named,
}

/// The folders that matter for it.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    /// The node's own.
    pub(crate) home: PathBuf,
    /// `[shop] serve_from`
    pub(crate) serve_from: Vec<PathBuf>,
    /// `[shop] download_to`
    pub(crate) download_to: Vec<PathBuf>,
}

impl Folders {
    /// The real path of a file that may be sold: without symlinks and `..`. Blocks.
    pub(crate) fn to_sell(&self, path: &Path, reach: Reach) -> Result<PathBuf, String> {
        if !path.is_absolute() {
            return Err("the path of the file must be absolute".into());
        }
        let real = fs::canonicalize(path).map_err(|error| format!("cannot read {}: {error}", path.display()));
        // What is not allowed looks the same whether it exists or not.
        if reach == Reach::Named && !real.as_ref().is_ok_and(|real| inside(real, &self.serve_from)) {
            return Err(format!(
                "this token may only sell files inside the folders of `[shop] serve_from`, and {} is not",
                path.display()
            ));
        }
        self.outside_home(real?, "nothing in there is for sale")
    }

    /// The real path of an output that may be written. Blocks.
    pub(crate) fn to_write(&self, output: &Path, reach: Reach) -> Result<PathBuf, String> {
        let (Some(folder), Some(name), true) = (output.parent(), output.file_name(), output.is_absolute()) else {
            return Err("the output must be the absolute path of a file".into());
        };
        let real = fs::canonicalize(folder).map_err(|_| format!("the folder of {} does not exist", output.display()));
        if reach == Reach::Named && !real.as_ref().is_ok_and(|real| inside(real, &self.download_to)) {
            return Err(format!(
                "this token may only download into the folders of `[shop] download_to`, and {} is not inside one",
                output.display()
            ));
        }
        self.outside_home(real?.join(name), "nothing is downloaded into it")
    }

    fn outside_home(&self, real: PathBuf, so: &str) -> Result<PathBuf, String> {
        let home = fs::canonicalize(&self.home).map_err(|error| format!("the node's folder is gone: {error}"))?;
        if real.starts_with(&home) {
            return Err(format!("{} lies in the node's own folder: {so}", real.display()));
        }
        Ok(real)
    }
}

/// Whether a real path lies in one of these folders; one that does not exist contains nothing.
fn inside(real: &Path, folders: &[PathBuf]) -> bool {
    folders.iter().filter_map(|folder| fs::canonicalize(folder).ok()).any(|folder| real.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node's folder `home`, and `shop`, `shop-2` and `inbox` beside it.
    fn place() -> (tempfile::TempDir, PathBuf, Folders) {
        let place = tempfile::tempdir().unwrap();
        let at = place.path().canonicalize().unwrap();
        for folder in ["home/data", "shop", "shop-2", "inbox"] {
            fs::create_dir_all(at.join(folder)).unwrap();
        }
        for file in ["home/api.token", "home/data/store", "shop/film", "shop-2/film", "film"] {
            fs::write(at.join(file), b"x").unwrap();
        }
        let folders =
            Folders { home: at.join("home"), serve_from: vec![at.join("shop")], download_to: vec![at.join("inbox")] };
        (place, at, folders)
    }

    #[test]
    fn nobody_sells_the_node_s_folder_or_writes_into_it() {
        let (_place, at, mut folders) = place();
        let everything = vec![PathBuf::from("/")];
        (folders.serve_from, folders.download_to) = (everything.clone(), everything);
        for reach in [Reach::Everything, Reach::Named] {
            for path in ["home/api.token", "home/data/store", "shop/../home/api.token"] {
                let error = folders.to_sell(&at.join(path), reach).unwrap_err();
                assert!(error.contains("own folder"), "{path}: {error}");
            }
            for path in ["home/film", "home/data/film", "shop/../home/film"] {
                let error = folders.to_write(&at.join(path), reach).unwrap_err();
                assert!(error.contains("own folder"), "{path}: {error}");
            }
            assert_eq!(folders.to_sell(&at.join("film"), reach), Ok(at.join("film")));
            assert_eq!(folders.to_write(&at.join("shop/../new"), reach), Ok(at.join("new")));
        }
    }

    #[test]
    fn few_scopes_reach_only_the_folders_that_the_config_names() {
        let (_place, at, folders) = place();
        assert_eq!(folders.to_sell(&at.join("shop/film"), Reach::Named), Ok(at.join("shop/film")));
        assert_eq!(folders.to_write(&at.join("inbox/new"), Reach::Named), Ok(at.join("inbox/new")));
        for path in ["film", "shop-2/film", "shop/../film", "home/api.token", "missing"] {
            let error = folders.to_sell(&at.join(path), Reach::Named).unwrap_err();
            assert!(error.contains("serve_from"), "{path}: {error}");
        }
        for path in ["new", "shop/new", "inbox/../new", "home/new", "missing/new"] {
            let error = folders.to_write(&at.join(path), Reach::Named).unwrap_err();
            assert!(error.contains("download_to"), "{path}: {error}");
        }
        let none = Folders { serve_from: vec![], download_to: vec![at.join("missing")], ..folders };
        assert!(none.to_sell(&at.join("shop/film"), Reach::Named).unwrap_err().contains("serve_from"));
        assert!(none.to_write(&at.join("inbox/new"), Reach::Named).unwrap_err().contains("download_to"));
        assert!(none.to_write(Path::new("new"), Reach::Everything).unwrap_err().contains("absolute"));
        assert!(none.to_sell(Path::new("film"), Reach::Everything).unwrap_err().contains("absolute"));
    }

    #[cfg(unix)]
    #[test]
    fn symlinks_lead_nowhere_else() {
        use std::os::unix::fs::symlink;
        let (_place, at, folders) = place();
        symlink(at.join("home"), at.join("shop/home")).unwrap();
        symlink(at.join("home/api.token"), at.join("shop/token")).unwrap();
        symlink(at.join("film"), at.join("shop/out")).unwrap();
        symlink(at.join("home"), at.join("inbox/home")).unwrap();
        for path in ["shop/home/api.token", "shop/token"] {
            assert!(folders.to_sell(&at.join(path), Reach::Named).unwrap_err().contains("serve_from"), "{path}");
            assert!(folders.to_sell(&at.join(path), Reach::Everything).unwrap_err().contains("own folder"), "{path}");
        }
        assert!(folders.to_sell(&at.join("shop/out"), Reach::Named).unwrap_err().contains("serve_from"));
        assert!(folders.to_write(&at.join("inbox/home/new"), Reach::Named).unwrap_err().contains("download_to"));
        assert!(folders.to_write(&at.join("inbox/home/new"), Reach::Everything).unwrap_err().contains("own folder"));
        // The node's folder may itself be reached through a link.
        symlink(at.join("home"), at.join("alias")).unwrap();
        let aliased = Folders { home: at.join("alias"), ..folders };
        assert!(aliased.to_sell(&at.join("home/api.token"), Reach::Everything).is_err());
    }
}
