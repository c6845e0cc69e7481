//! INFO as a list of sections and fields, in the order the server printed them.

/// One field of INFO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The section's title, such as `Replication`.
    pub section: String,
    /// The field's name.
    pub name: String,
    /// Its value, as printed.
    pub value: String,
}

/// A parsed INFO reply.
#[derive(Debug, Clone)]
pub struct Info(Vec<Field>);

impl Info {
    /// Reads the text of an INFO reply.
    pub fn parse(text: &str) -> Self {
        let mut section = String::new();
        let mut fields = Vec::new();
        for line in text.lines().map(str::trim_end) {
            if let Some(title) = line.strip_prefix("# ") {
                section = title.to_owned();
            } else if let Some((name, value)) = line.split_once(':') {
                fields.push(Field {
                    section: section.clone(),
                    name: name.to_owned(),
                    value: value.to_owned(),
                });
            }
        }
        Self(fields)
    }

    /// The value of a field, if it was printed.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|field| field.name == name)
            .map(|field| field.value.as_str())
    }

    /// The value of a field.
    ///
    /// # Panics
    /// When the server did not print it.
    pub fn get(&self, name: &str) -> &str {
        self.find(name)
            .unwrap_or_else(|| panic!("INFO has no field {name:?}"))
    }

    /// The value of a field that is a number.
    ///
    /// # Panics
    /// When it is missing or no integer.
    pub fn number(&self, name: &str) -> i64 {
        let value = self.get(name);
        value
            .parse()
            .unwrap_or_else(|_| panic!("INFO's {name} is {value:?}, no integer"))
    }

    /// The names of a section's fields, in order.
    pub fn names(&self, section: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|field| field.section.eq_ignore_ascii_case(section))
            .map(|field| field.name.as_str())
            .collect()
    }

    /// All fields, in order.
    pub fn fields(&self) -> &[Field] {
        &self.0
    }
}
