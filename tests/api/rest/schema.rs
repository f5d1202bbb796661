//! The project that the data API's tests run on.

use edgeward::schema::{
    self, Catalog, Check, Column, Command, DataType, Enum, ForeignKey, Identity, Policy, Table, Unique,
};
use futures_executor::block_on;

use crate::app::TestApp;

/// A table as a row of data: `name type [null] [identity] [= default]` columns, keys, policies.
struct Given {
    name: &'static str,
    row_security: bool,
    columns: &'static [(&'static str, &'static str, &'static str)],
    primary_key: &'static [&'static str],
    unique: &'static [&'static [&'static str]],
    foreign_keys: &'static [(&'static str, &'static str)],
    policies: &'static [(&'static str, &'static str, &'static str, &'static str)],
}

const OWN_TODO: &str = "EXISTS (SELECT 1 FROM todos WHERE todos.id = todo_id)";

#[rustfmt::skip]
const TABLES: &[Given] = &[
    Given {
        name: "profiles", row_security: true,
        columns: &[("id", "uuid", ""), ("name", "text", ""), ("bio", "text", "null")],
        primary_key: &["id"], unique: &[], foreign_keys: &[],
        policies: &[
            ("select", "authenticated", "true", ""),
            ("insert", "authenticated", "", "id = auth.uid()"),
            ("update", "authenticated", "id = auth.uid()", ""),
        ],
    },
    Given {
        name: "todos", row_security: true,
        columns: &[
            ("id", "int8", "identity"), ("user_id", "uuid", "= auth.uid()"), ("title", "text", ""),
            ("done", "bool", "= false"), ("priority", "numeric", "null"), ("meta", "jsonb", "null"),
            ("labels", "text[]", "null"), ("due", "date", "null"),
        ],
        primary_key: &["id"], unique: &[&["user_id", "title"]], foreign_keys: &[("user_id", "profiles")],
        policies: &[("all", "authenticated", "user_id = auth.uid()", "")],
    },
    Given {
        name: "comments", row_security: true,
        columns: &[
            ("id", "int8", "identity"), ("todo_id", "int8", ""), ("author_id", "uuid", "= auth.uid()"),
            ("reviewer_id", "uuid", "null"), ("body", "text", ""),
        ],
        primary_key: &["id"], unique: &[],
        foreign_keys: &[("todo_id", "todos"), ("author_id", "profiles"), ("reviewer_id", "profiles")],
        policies: &[
            ("select", "authenticated", OWN_TODO, ""),
            ("insert", "authenticated", "", "author_id = auth.uid() AND EXISTS (SELECT 1 FROM todos WHERE todos.id = todo_id)"),
        ],
    },
    Given {
        name: "tags", row_security: true,
        columns: &[("id", "int4", ""), ("name", "text", "")],
        primary_key: &["id"], unique: &[&["name"]], foreign_keys: &[],
        policies: &[("select", "public", "true", "")],
    },
    Given {
        name: "todo_tags", row_security: true,
        columns: &[("todo_id", "int8", ""), ("tag_id", "int4", "")],
        primary_key: &["todo_id", "tag_id"], unique: &[], foreign_keys: &[("todo_id", "todos"), ("tag_id", "tags")],
        policies: &[("all", "authenticated", OWN_TODO, "")],
    },
    Given {
        name: "secrets", row_security: true,
        columns: &[("id", "int4", ""), ("name", "text", "")],
        primary_key: &["id"], unique: &[&["name"]], foreign_keys: &[], policies: &[],
    },
    Given {
        name: "people", row_security: false,
        columns: &[("id", "int4", ""), ("name", "text", "null"), ("age", "int4", "null"), ("manager_id", "int4", "null")],
        primary_key: &["id"], unique: &[], foreign_keys: &[("manager_id", "people")], policies: &[],
    },
    Given {
        name: "passports", row_security: false,
        columns: &[("number", "text", ""), ("person_id", "int4", "")],
        primary_key: &["number"], unique: &[&["person_id"]], foreign_keys: &[("person_id", "people")], policies: &[],
    },
    Given {
        name: "things", row_security: false,
        columns: &[
            ("id", "int8", "identity"), ("flag", "bool", "null"), ("small", "int2", "null"), ("big", "int8", "null"),
            ("exact", "numeric", "null"), ("price", "numeric(10,2)", "null"), ("ratio", "float8", "null"),
            ("label", "text", "null"), ("code", "varchar(5)", "null"), ("key", "uuid", "null"),
            ("at", "timestamptz", "null"), ("local", "timestamp", "null"), ("day", "date", "null"),
            ("span", "interval", "null"), ("raw", "json", "null"), ("doc", "jsonb", "null"), ("bytes", "bytea", "null"),
            ("numbers", "int4[]", "null"), ("words", "text[]", "null"), ("mood", "enum mood", "null"), ("select", "text", "null"),
        ],
        primary_key: &["id"], unique: &[], foreign_keys: &[], policies: &[],
    },
    Given {
        name: "no key", row_security: false,
        columns: &[("a b", "text", "null")],
        primary_key: &[], unique: &[], foreign_keys: &[], policies: &[],
    },
];

/// An app with the tests' project in it.
pub fn project() -> TestApp {
    let app = TestApp::new();
    install(&app);
    app
}

/// Puts the tests' project into an app.
pub fn install(app: &TestApp) {
    let before = block_on(schema::load(app.database.as_ref())).unwrap();
    let mut after = before.clone();
    after.enums.insert(
        "mood".into(),
        Enum {
            schema: "public".into(),
            name: "mood".into(),
            labels: vec!["sad".into(), "ok".into(), "happy".into()],
        },
    );
    for given in TABLES {
        let table = given.table();
        app.database.execute(&given.ddl(&table));
        after.tables.insert(given.name.to_string(), table);
    }
    change(app, &before, &after);
}

/// Replaces the registry as a migration would.
pub fn change(app: &TestApp, before: &Catalog, after: &Catalog) {
    use edgeward::ports::Database;
    block_on(app.database.batch(schema::save(before, after).unwrap())).unwrap();
}

/// The registry as it is.
pub fn catalog(app: &TestApp) -> Catalog {
    block_on(schema::load(app.database.as_ref())).unwrap()
}

impl Given {
    fn table(&self) -> Table {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let column = |(name, data_type, rest): &(&str, &str, &str)| Column {
            name: name.to_string(),
            data_type: DataType::from(data_type.to_string()),
            nullable: rest.contains("null"),
            default: rest.strip_prefix("= ").map(str::to_string),
            identity: (*rest == "identity").then_some(Identity::ByDefault),
            generated: None,
        };
        let foreign_key = |(column, table): &(&str, &str)| ForeignKey {
            name: format!("{}_{column}_fkey", self.name),
            columns: vec![column.to_string()],
            foreign_schema: "public".into(),
            foreign_table: table.to_string(),
            foreign_columns: vec!["id".into()],
            on_delete: Default::default(),
            on_update: Default::default(),
        };
        let key = Unique {
            name: format!("{}_pkey", self.name),
            columns: names(self.primary_key),
            is_constraint: true,
        };
        Table {
            schema: "public".into(),
            name: self.name.into(),
            columns: self.columns.iter().map(column).collect(),
            primary_key: (!self.primary_key.is_empty()).then_some(key),
            uniques: self
                .unique
                .iter()
                .map(|columns| Unique {
                    name: format!("{}_{}_key", self.name, columns.join("_")),
                    columns: names(columns),
                    is_constraint: true,
                })
                .collect(),
            checks: Vec::<Check>::new(),
            foreign_keys: self.foreign_keys.iter().map(foreign_key).collect(),
            row_security: self.row_security,
            policies: self.policies.iter().enumerate().map(policy).collect(),
        }
    }

    fn ddl(&self, table: &Table) -> String {
        let mut lines: Vec<String> = Vec::new();
        for column in &table.columns {
            let not_null = if column.nullable || column.identity.is_some() { "" } else { " NOT NULL" };
            let default = if column.default.as_deref() == Some("false") { " DEFAULT 0" } else { "" };
            let key = if column.identity.is_some() { " PRIMARY KEY AUTOINCREMENT" } else { "" };
            let check = if column.name == "title" {
                " CONSTRAINT todos_title_check CHECK (length(title) > 0)"
            } else {
                ""
            };
            let storage = column.data_type.storage().name();
            lines.push(format!("\"{}\" {storage}{key}{not_null}{default}{check}", column.name));
        }
        let has_identity = table.columns.iter().any(|column| column.identity.is_some());
        if !self.primary_key.is_empty() && !has_identity {
            lines.push(format!("PRIMARY KEY ({})", self.primary_key.join(", ")));
        }
        lines.extend(self.unique.iter().map(|columns| format!("UNIQUE ({})", columns.join(", "))));
        lines.extend(
            self.foreign_keys
                .iter()
                .map(|(column, target)| format!("FOREIGN KEY ({column}) REFERENCES \"{target}\" (id)")),
        );
        format!("CREATE TABLE \"{}\" (\n{}\n) STRICT;", self.name, lines.join(",\n"))
    }
}

fn policy((index, row): (usize, &(&str, &str, &str, &str))) -> Policy {
    let (command, role, using, check) = row;
    let text = |text: &str| (!text.is_empty()).then(|| text.to_string());
    Policy {
        name: format!("policy {index}"),
        permissive: true,
        command: match *command {
            "select" => Some(Command::Select),
            "insert" => Some(Command::Insert),
            "update" => Some(Command::Update),
            "delete" => Some(Command::Delete),
            _ => None,
        },
        roles: vec![role.to_string()],
        using: text(using),
        check: text(check),
    }
}
