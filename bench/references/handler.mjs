// A naive handler in Node: the official SDK verifies, SQLite stores with full durability, a crossing owes a coupon.
// node handler.mjs FOLDER, which holds key.pem and gets the database. Prints the port; serves until it is ended.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AppStrategy, createClient } from "@wix/sdk";
import * as accounts from "@wix/auto_sdk_loyalty_accounts";
import Database from "better-sqlite3";
import express from "express";

const folder = process.argv[2];
const database = new Database(join(folder, "node.db"));
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");
database.exec(`
  CREATE TABLE accounts (id TEXT PRIMARY KEY, contact_id TEXT, email TEXT, balance INTEGER, revision INTEGER);
  CREATE TABLE observations (account_id TEXT, revision INTEGER, balance INTEGER, PRIMARY KEY (account_id, revision));
  CREATE TABLE grants (account_id TEXT, milestone INTEGER, PRIMARY KEY (account_id, milestone));
  CREATE TABLE coupons (id INTEGER PRIMARY KEY, account_id TEXT, milestone INTEGER, state TEXT);
`);
const find = database.prepare("SELECT balance, revision FROM accounts WHERE id = ?");
const observe = database.prepare("INSERT OR IGNORE INTO observations VALUES (?, ?, ?)");
const save = database.prepare(
  "INSERT INTO accounts VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET contact_id = excluded.contact_id, " +
    "email = excluded.email, balance = excluded.balance, revision = excluded.revision",
);
const grant = database.prepare("INSERT OR IGNORE INTO grants VALUES (?, ?)");
const owe = database.prepare("INSERT INTO coupons (account_id, milestone, state) VALUES (?, ?, 'available')");
const MILESTONES = Array.from({ length: 10 }, (_, number) => 1000 * (number + 1));

const record = database.transaction((account) => {
  const before = find.get(account._id);
  const revision = Number(account.revision);
  const balance = account.points.balance;
  observe.run(account._id, revision, balance);
  if (before && before.revision >= revision) return;
  save.run(account._id, account.contactId, account.contact?.email, balance, revision);
  if (!before) return;
  for (const threshold of MILESTONES) {
    if (before.balance < threshold && balance >= threshold && grant.run(account._id, threshold).changes) {
      owe.run(account._id, threshold);
    }
  }
});

const publicKey = readFileSync(join(folder, "key.pem"), "utf8");
const client = createClient({ auth: AppStrategy({ appId: "bench", publicKey }), modules: { accounts } });
client.accounts.onAccountUpdated((event) => record(event.entity));

const app = express();
app.post("/webhooks/wix", express.text({ type: () => true }), async (request, response) => {
  try {
    await client.webhooks.process(request.body);
    response.status(200).send();
  } catch (error) {
    console.error(error);
    response.status(500).send();
  }
});
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
