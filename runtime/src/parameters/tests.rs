use ::safetensors::tensor::{Dtype, TensorView};

use super::*;

fn layout() -> ParameterLayout {
    ParameterLayout::new([
        ("W".to_owned(), vec![6, 6], ParameterRole::RecurrentMatrix),
        ("U".to_owned(), vec![6, 3], ParameterRole::InputMatrix),
        ("V".to_owned(), vec![5, 7], ParameterRole::JoinedMatrix { recurrent_columns: 4 }),
        ("b".to_owned(), vec![6], ParameterRole::Bias),
        ("w".to_owned(), vec![4], ParameterRole::Weight),
        ("alpha".to_owned(), vec![], ParameterRole::Scalar),
        ("nothing".to_owned(), vec![0, 3], ParameterRole::RecurrentMatrix),
    ])
    .expect("small")
}

/// Inner products of the columns `0 .. count` of a row-major matrix.
fn gram(values: &[f64], columns: usize, count: usize) -> Vec<f64> {
    let mut gram = vec![0.0; count * count];
    for row in values.chunks_exact(columns) {
        for i in 0..count {
            for j in 0..count {
                gram[i * count + j] += row[i] * row[j];
            }
        }
    }
    gram
}

#[test]
fn recurrent_columns_are_orthonormal_and_the_rest_is_within_its_bound() {
    let parameters = Initializer::new(7).constant("b", 1.0).parameters::<f64>(&layout()).expect("valid");
    for (name, columns, count) in [("W", 6, 6), ("V", 7, 4)] {
        for (at, value) in gram(parameters.get(name).expect("there"), columns, count).iter().enumerate() {
            let expected = if at % (count + 1) == 0 { 1.0 } else { 0.0 };
            assert!((value - expected).abs() < 1e-12, "{name} {at}: {value}");
        }
    }
    let bound = (6.0_f64 / 9.0).sqrt();
    assert!(parameters.get("U").expect("there").iter().all(|value| value.abs() <= bound));
    let spread =
        parameters.get("U").expect("there").iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    assert!(spread > bound / 2.0, "18 draws reach more than half the bound");
    assert!(parameters.get("b").expect("there").iter().all(|&value| value == 1.0));
    assert_eq!(parameters.get("alpha").expect("there"), [1.0]);
}

#[test]
fn wide_matrices_have_orthonormal_rows() {
    let wide =
        ParameterLayout::new([("W".to_owned(), vec![2, 5], ParameterRole::RecurrentMatrix)]).expect("small");
    let parameters = Initializer::new(1).parameters::<f64>(&wide).expect("valid");
    let rows: Vec<&[f64]> = parameters.values().chunks_exact(5).collect();
    let inner = |left: &[f64], right: &[f64]| left.iter().zip(right).map(|(l, r)| l * r).sum::<f64>();
    assert!((inner(rows[0], rows[0]) - 1.0).abs() < 1e-12 && inner(rows[0], rows[1]).abs() < 1e-12);
}

#[test]
fn a_seed_fixes_every_parameter_on_its_own() {
    let few =
        ParameterLayout::new([("U".to_owned(), vec![6, 3], ParameterRole::InputMatrix)]).expect("small");
    let alone = Initializer::new(7).parameters::<f32>(&few).expect("valid");
    let together = Initializer::new(7).parameters::<f32>(&layout()).expect("valid");
    assert_eq!(alone.get("U"), together.get("U"));
    assert_ne!(alone, Initializer::new(8).parameters::<f32>(&few).expect("valid"));
}

#[test]
fn wrong_names_lengths_and_roles_are_errors() {
    let mut parameters = Parameters::<f32>::zeros(layout()).expect("small");
    assert!(matches!(parameters.get("W_x"), Err(ParameterError::Unknown { name, .. }) if name == "W_x"));
    assert!(matches!(parameters.set("b", &[0.0]), Err(ParameterError::Length { expected: 6, found: 1, .. })));
    assert!(matches!(
        Parameters::from_values(layout(), vec![0.0_f32]),
        Err(ParameterError::Length { found: 1, .. })
    ));
    let named = Initializer::new(0).constant("b_f", 1.0).parameters::<f32>(&layout());
    assert!(matches!(named, Err(ParameterError::Unknown { .. })));
    let vector =
        ParameterLayout::new([("W".to_owned(), vec![3], ParameterRole::InputMatrix)]).expect("small");
    assert!(matches!(Initializer::new(0).parameters::<f32>(&vector), Err(ParameterError::NotAMatrix { .. })));
    let huge =
        ParameterLayout::new([("b".to_owned(), vec![usize::MAX / 4], ParameterRole::Bias)]).expect("counts");
    assert!(matches!(Parameters::<f64>::zeros(huge), Err(ParameterError::TooLarge { .. })));
}

/// A folder of this test's own, removed at the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gatewright-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[test]
fn parameters_survive_a_file() {
    let folder = Folder::new("file");
    let path = folder.0.join("cell.safetensors");
    let parameters = Initializer::new(3).parameters::<f64>(&layout()).expect("valid");
    save(&path, "cell.", &parameters).expect("written");
    assert_eq!(load::<f64>(&path, "cell.", &layout(), Conversion::Exact).expect("read"), parameters);
    let narrow = load::<f32>(&path, "cell.", &layout(), Conversion::Exact);
    assert!(matches!(narrow, Err(TensorFileError::WouldRound { .. })));
    let rounded = load::<f32>(&path, "cell.", &layout(), Conversion::Round).expect("rounding is allowed");
    save(&path, "cell.", &rounded).expect("written over the old one");
    assert_eq!(load::<f32>(&path, "cell.", &layout(), Conversion::Exact).expect("read"), rounded);
    assert_eq!(std::fs::read_dir(&folder.0).expect("there").count(), 1, "no temporary file stays");
}

#[test]
fn integers_are_the_numbers_they_are() {
    let file = |dtype: Dtype, bytes: &[u8]| {
        let shape = vec![bytes.len() * 8 / dtype.bitsize()];
        let view = TensorView::new(dtype, shape, bytes).expect("whole");
        ::safetensors::serialize([("n", view)], None).expect("written")
    };
    let read = |file: &[u8], conversion| tensors_from_bytes::<f32>(file, conversion);
    let values = |file: &[u8]| read(file, Conversion::Exact).expect("exact")["n"].values.clone();
    assert_eq!(values(&file(Dtype::BOOL, &[0, 1])), [0.0, 1.0]);
    assert_eq!(values(&file(Dtype::I8, &[0xff, 3])), [-1.0, 3.0]);
    assert_eq!(values(&file(Dtype::U8, &[0xff, 3])), [255.0, 3.0]);
    assert_eq!(values(&file(Dtype::I16, &(-300_i16).to_le_bytes())), [-300.0]);
    assert_eq!(values(&file(Dtype::U16, &40_000_u16.to_le_bytes())), [40_000.0]);
    assert_eq!(values(&file(Dtype::U32, &(1_u32 << 31).to_le_bytes())), [2_147_483_648.0]);
    assert_eq!(values(&file(Dtype::I64, &i64::MIN.to_le_bytes())), [-9_223_372_036_854_775_808.0]);
    // 2^24 + 1 and 2^64 - 1 are no numbers of 24 binary digits.
    for long in [file(Dtype::I32, &16_777_217_i32.to_le_bytes()), file(Dtype::U64, &[0xff; 8])] {
        let error = read(&long, Conversion::Exact).expect_err("would round").to_string();
        assert!(error.contains("would be rounded"), "{error}");
        assert_eq!(read(&long, Conversion::Round).expect("rounded")["n"].values.len(), 1);
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_devices_stay_devices() {
    let folder = Folder::new("link");
    let (target, link) = (folder.0.join("target"), folder.0.join("link"));
    std::fs::write(&target, "old").expect("written");
    std::os::unix::fs::symlink(&target, &link).expect("linked");
    write_atomically(&link, b"new").expect("written");
    assert_eq!(std::fs::read(&target).expect("read"), b"new");
    assert!(std::fs::symlink_metadata(&link).expect("there").is_symlink());
    write_atomically(std::path::Path::new("/dev/null"), b"gone").expect("swallowed");
    assert!(!std::path::Path::new("/dev/null").is_file());
    assert!(write_atomically(&folder.0, b"a folder is no file").is_err());
}

#[test]
fn every_difference_is_named() {
    let folder = Folder::new("difference");
    let path = folder.0.join("cell.safetensors");
    let tensor = |name: &str, shape: Vec<usize>| {
        let elements = shape.iter().product();
        NamedTensor { name: name.to_owned(), shape, values: vec![0.0_f32; elements] }
    };
    write_tensors(&path, &[tensor("U", vec![3, 6]), tensor("q", vec![1]), tensor("b", vec![6])], &[])
        .expect("written");
    let Err(TensorFileError::Different(differences)) = load::<f32>(&path, "", &layout(), Conversion::Exact)
    else {
        panic!("must differ");
    };
    assert!(differences.contains(&TensorDifference::Missing { name: "W".to_owned() }));
    assert!(differences.contains(&TensorDifference::Unknown { name: "q".to_owned() }));
    assert!(differences.contains(&TensorDifference::Shape {
        name: "U".to_owned(),
        expected: vec![6, 3],
        found: vec![3, 6]
    }));
}

#[test]
fn damaged_files_are_errors() {
    let folder = Folder::new("damage");
    let path = folder.0.join("cell.safetensors");
    save(&path, "", &Initializer::new(3).parameters::<f32>(&layout()).expect("valid")).expect("written");
    let good = std::fs::read(&path).expect("read");
    for cut in [0, 1, 7, 8, 9, good.len() / 2, good.len() - 1] {
        assert!(tensors_from_bytes::<f32>(&good[..cut], Conversion::Exact).is_err(), "cut at {cut}");
    }
    let mut random = Random::new(5);
    for _ in 0..2000 {
        let mut bad = good.clone();
        let place = random.below(bad.len().min(600));
        bad[place] = random.bits().to_le_bytes()[0];
        // Values or an error: anything but a panic.
        drop(tensors_from_bytes::<f32>(&bad, Conversion::Round));
    }
    let mut long = good;
    long.push(0);
    assert!(tensors_from_bytes::<f32>(&long, Conversion::Exact).is_err());
    let lies = br#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#;
    let mut file = (lies.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(lies);
    assert!(tensors_from_bytes::<f32>(&file, Conversion::Exact).is_err());
}
