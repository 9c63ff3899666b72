-- Which of these files the catalog has been through.

create table migrations (
    number integer not null,
    name varchar not null,
    sha256 varchar not null
);
comment on table migrations is 'The schema files this catalog has been through.';
comment on column migrations.number is 'Number of the file.';
comment on column migrations.name is 'Name of the file.';
comment on column migrations.sha256 is 'Digest of the file when it was applied, hex.';
