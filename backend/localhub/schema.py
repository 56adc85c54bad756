"""The hub's tables, as SQLite is told of them step by step."""

_FIRST = """
CREATE TABLE account (
  id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE COLLATE NOCASE, type TEXT NOT NULL, name TEXT, email TEXT,
  created_at TEXT NOT NULL);
CREATE TABLE membership (
  organisation_id INTEGER NOT NULL REFERENCES account, account_id INTEGER NOT NULL REFERENCES account,
  PRIMARY KEY (organisation_id, account_id));
CREATE TABLE repository (
  id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES account, name TEXT NOT NULL COLLATE NOCASE,
  description TEXT, private INTEGER NOT NULL, default_branch TEXT NOT NULL, language TEXT, size INTEGER NOT NULL,
  source TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, pushed_at TEXT NOT NULL, UNIQUE (owner_id, name));
CREATE TABLE access (
  repository_id INTEGER NOT NULL REFERENCES repository, account_id INTEGER NOT NULL REFERENCES account,
  level TEXT NOT NULL CHECK (level IN ('read', 'write', 'admin')), PRIMARY KEY (repository_id, account_id));
CREATE TABLE pull (
  id INTEGER PRIMARY KEY, repository_id INTEGER NOT NULL REFERENCES repository, number INTEGER NOT NULL,
  title TEXT NOT NULL, body TEXT, state TEXT NOT NULL CHECK (state IN ('open', 'closed')), draft INTEGER NOT NULL,
  account_id INTEGER NOT NULL REFERENCES account, head_ref TEXT NOT NULL, head_sha TEXT NOT NULL,
  base_ref TEXT NOT NULL, base_sha TEXT NOT NULL, merge_commit_sha TEXT, merged_by INTEGER REFERENCES account,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, closed_at TEXT, merged_at TEXT, UNIQUE (repository_id, number));
CREATE UNIQUE INDEX pull_open ON pull (repository_id, head_ref, base_ref) WHERE state = 'open';
CREATE TABLE token (
  hash TEXT PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES account, scopes TEXT NOT NULL,
  created_at TEXT NOT NULL);
CREATE TABLE code (
  hash TEXT PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES account, redirect_uri TEXT NOT NULL,
  challenge TEXT NOT NULL, scopes TEXT NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE session (
  hash TEXT PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES account, created_at TEXT NOT NULL);
CREATE TABLE hook (
  id INTEGER PRIMARY KEY, repository_id INTEGER REFERENCES repository, url TEXT NOT NULL, secret TEXT NOT NULL,
  content_type TEXT NOT NULL, insecure_ssl TEXT NOT NULL, events TEXT NOT NULL, active INTEGER NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE delivery (
  id INTEGER PRIMARY KEY, guid TEXT NOT NULL, hook_id INTEGER NOT NULL REFERENCES hook ON DELETE CASCADE,
  repository_id INTEGER NOT NULL REFERENCES repository, event TEXT NOT NULL, action TEXT, payload TEXT NOT NULL,
  state TEXT NOT NULL, attempts INTEGER NOT NULL, next_at REAL NOT NULL, status_code INTEGER, answer TEXT,
  created_at TEXT NOT NULL, finished_at TEXT);
CREATE INDEX delivery_waiting ON delivery (next_at) WHERE state = 'waiting';
CREATE TABLE flag (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_ISSUES = """
CREATE TABLE issue (
  id INTEGER PRIMARY KEY, repository_id INTEGER NOT NULL REFERENCES repository, number INTEGER NOT NULL,
  title TEXT NOT NULL, body TEXT, state TEXT NOT NULL CHECK (state IN ('open', 'closed', 'deleted')),
  account_id INTEGER NOT NULL REFERENCES account, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, closed_at TEXT,
  UNIQUE (repository_id, number));
CREATE TABLE comment (
  id INTEGER PRIMARY KEY, issue_id INTEGER NOT NULL REFERENCES issue ON DELETE CASCADE,
  account_id INTEGER NOT NULL REFERENCES account, body TEXT NOT NULL, created_at TEXT NOT NULL);
"""
_REVIEWS = """
CREATE TABLE review (
  id INTEGER PRIMARY KEY, pull_id INTEGER NOT NULL REFERENCES pull, account_id INTEGER NOT NULL REFERENCES account,
  body TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('COMMENTED', 'APPROVED', 'CHANGES_REQUESTED')),
  commit_id TEXT NOT NULL, submitted_at TEXT NOT NULL);
CREATE TABLE review_comment (
  id INTEGER PRIMARY KEY, review_id INTEGER NOT NULL REFERENCES review, path TEXT NOT NULL, line INTEGER NOT NULL,
  side TEXT NOT NULL CHECK (side IN ('LEFT', 'RIGHT')), diff_hunk TEXT NOT NULL, body TEXT NOT NULL,
  created_at TEXT NOT NULL);
"""
_CHECKS = """
CREATE TABLE check_run (
  id INTEGER PRIMARY KEY, repository_id INTEGER NOT NULL REFERENCES repository, head_sha TEXT NOT NULL,
  name TEXT NOT NULL, status TEXT NOT NULL CHECK (status IN ('queued', 'in_progress', 'completed')), conclusion TEXT,
  summary TEXT NOT NULL, log TEXT NOT NULL, started_at TEXT NOT NULL, completed_at TEXT);
CREATE INDEX check_run_head ON check_run (repository_id, head_sha);
"""
_EXPIRY = """
ALTER TABLE token ADD COLUMN expires_at REAL;
CREATE TABLE refresh (
  hash TEXT PRIMARY KEY, token_hash TEXT NOT NULL, account_id INTEGER NOT NULL REFERENCES account,
  scopes TEXT NOT NULL);
"""
_TALK = """
ALTER TABLE comment RENAME TO comment_of_issue;
CREATE TABLE comment (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL REFERENCES repository, number INTEGER NOT NULL,
  account_id INTEGER NOT NULL REFERENCES account, body TEXT NOT NULL, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL);
CREATE INDEX comment_place ON comment (repository_id, number);
INSERT INTO comment SELECT c.id, i.repository_id, i.number, c.account_id, c.body, c.created_at, c.created_at
  FROM comment_of_issue c JOIN issue i ON i.id = c.issue_id;
DROP TABLE comment_of_issue;
CREATE TABLE label (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL REFERENCES repository,
  name TEXT NOT NULL COLLATE NOCASE, UNIQUE (repository_id, name));
CREATE TABLE labelled (
  repository_id INTEGER NOT NULL REFERENCES repository, number INTEGER NOT NULL,
  label_id INTEGER NOT NULL REFERENCES label ON DELETE CASCADE, PRIMARY KEY (repository_id, number, label_id));
"""
_INSTALLED = """
CREATE TABLE installation_token (
  hash TEXT PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES account, repository_ids TEXT NOT NULL,
  contents TEXT NOT NULL CHECK (contents IN ('none', 'read', 'write')), expires_at REAL NOT NULL);
"""
_RESOLVED = """
ALTER TABLE review_comment ADD COLUMN resolved INTEGER NOT NULL DEFAULT 0 CHECK (resolved IN (0, 1));
"""
_KEEPING = """
ALTER TABLE repository ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE repository ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
"""
_MOVED = """
CREATE TABLE moved (
  full_name TEXT PRIMARY KEY COLLATE NOCASE, repository_id INTEGER NOT NULL REFERENCES repository);
"""
# user_version says how many of them a file has had.
STEPS = (_FIRST, _ISSUES, _REVIEWS, _CHECKS, _EXPIRY, _TALK, _INSTALLED, _RESOLVED, _KEEPING, _MOVED)
