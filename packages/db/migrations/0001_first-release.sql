-- The configuration and history of one storage server. The tables lie in the schema that search_path names, so
-- several servers can share one PostgreSQL.

CREATE TABLE servers (
  uuid uuid PRIMARY KEY,
  name text NOT NULL,
  version text NOT NULL,
  seen_at timestamptz NOT NULL
);

-- Up to which event the data path's events have been written. Moves only in the transaction that writes them.
CREATE TABLE cursors (
  server uuid PRIMARY KEY REFERENCES servers ON DELETE CASCADE,
  seq bigint NOT NULL
);

CREATE TABLE luns (
  server uuid NOT NULL REFERENCES servers ON DELETE CASCADE,
  name text NOT NULL,
  uuid uuid,
  number integer,
  size_bytes bigint,
  role text,
  mode text,
  designated boolean,
  policy text,
  journal_limit_bytes bigint,
  write_cache boolean,
  backing_kind text,
  backing_path text,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (server, name)
);

CREATE TABLE link_settings (
  server uuid PRIMARY KEY REFERENCES servers ON DELETE CASCADE,
  version integer,
  t1_ms integer,
  t2_ms integer,
  t3_ms integer,
  t4_ms integer,
  probation_ms integer,
  connections integer,
  changed_at timestamptz NOT NULL
);

-- The paired server, without the pairing secret: that lies beside the data only.
CREATE TABLE peers (
  server uuid PRIMARY KEY REFERENCES servers ON DELETE CASCADE,
  uuid text,
  name text,
  address text,
  changed_at timestamptz NOT NULL
);

CREATE TABLE events (
  server uuid NOT NULL REFERENCES servers ON DELETE CASCADE,
  seq bigint NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL,
  severity text NOT NULL,
  actor_who text NOT NULL,
  actor_from text NOT NULL,
  subject text NOT NULL,
  message text NOT NULL,
  before jsonb,
  after jsonb,
  PRIMARY KEY (server, seq)
);
CREATE INDEX events_by_subject ON events (server, subject, seq DESC);
CREATE INDEX events_by_kind ON events (server, kind, seq DESC);

CREATE TABLE outages (
  server uuid NOT NULL REFERENCES servers ON DELETE CASCADE,
  id text NOT NULL,
  lun text NOT NULL,
  begun_at timestamptz NOT NULL,
  detected_at timestamptz NOT NULL,
  cause text NOT NULL,
  seen_by text NOT NULL,
  phases jsonb NOT NULL,
  peak_queue_bytes bigint NOT NULL,
  peak_queue_requests bigint NOT NULL,
  heal_bytes bigint NOT NULL,
  longest_host_wait_ms double precision,
  healed_at timestamptz,
  PRIMARY KEY (server, id)
);
CREATE INDEX outages_newest_first ON outages (server, detected_at DESC, id DESC);

-- Sign-in. The columns bear the names that better-auth asks for.
CREATE TABLE users (
  id text PRIMARY KEY,
  name text NOT NULL,
  email text NOT NULL UNIQUE,
  "emailVerified" boolean NOT NULL,
  image text,
  "createdAt" timestamptz NOT NULL,
  "updatedAt" timestamptz NOT NULL,
  username text UNIQUE,
  "displayUsername" text,
  "twoFactorEnabled" boolean,
  role text NOT NULL
);

CREATE TABLE sessions (
  id text PRIMARY KEY,
  "expiresAt" timestamptz NOT NULL,
  token text NOT NULL UNIQUE,
  "createdAt" timestamptz NOT NULL,
  "updatedAt" timestamptz NOT NULL,
  "ipAddress" text,
  "userAgent" text,
  "userId" text NOT NULL REFERENCES users ON DELETE CASCADE
);
CREATE INDEX sessions_by_user ON sessions ("userId");

CREATE TABLE accounts (
  id text PRIMARY KEY,
  "accountId" text NOT NULL,
  "providerId" text NOT NULL,
  "userId" text NOT NULL REFERENCES users ON DELETE CASCADE,
  "accessToken" text,
  "refreshToken" text,
  "idToken" text,
  "accessTokenExpiresAt" timestamptz,
  "refreshTokenExpiresAt" timestamptz,
  scope text,
  password text,
  "createdAt" timestamptz NOT NULL,
  "updatedAt" timestamptz NOT NULL
);
CREATE INDEX accounts_by_user ON accounts ("userId");

CREATE TABLE verifications (
  id text PRIMARY KEY,
  identifier text NOT NULL,
  value text NOT NULL,
  "expiresAt" timestamptz NOT NULL,
  "createdAt" timestamptz NOT NULL,
  "updatedAt" timestamptz NOT NULL
);
CREATE INDEX verifications_by_identifier ON verifications (identifier);

CREATE TABLE two_factors (
  id text PRIMARY KEY,
  secret text NOT NULL,
  "backupCodes" text NOT NULL,
  "userId" text NOT NULL REFERENCES users ON DELETE CASCADE,
  verified boolean,
  "failedVerificationCount" integer,
  "lockedUntil" timestamptz
);
CREATE INDEX two_factors_by_user ON two_factors ("userId");

-- Tokens of the command line. Only a hash is kept: what is random in full needs no slow one.
CREATE TABLE tokens (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
  name text NOT NULL,
  role text NOT NULL,
  prefix text NOT NULL,
  sha256 text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  last_used_at timestamptz
);
CREATE INDEX tokens_by_user ON tokens (user_id);
