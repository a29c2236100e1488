// Points the official Wix SDK at the sandbox and makes every call that the product makes: `make sdk`.
//
// A call passes when the SDK understands the answer, the sandbox saw the operation of that name, and the answer fits
// the SDK's own type, field by field: none too many, none that is promised too few (types.mjs). Webhooks pass when the SDK verifies them with the app's public key and
// what its handlers are given fits their types.
//
//   node check.mjs                      starts a sandbox with $PYTHON (python3)
//   node check.mjs http://127.0.0.1:8090    uses one that runs
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { AppStrategy, createClient } from "@wix/sdk";

import { makeCalls } from "./calls.mjs";
import { modules } from "./modules.mjs";
import { absent, misfits } from "./types.mjs";

const HOST = "https://www.wixapis.com";
const PATIENCE = 20_000;
const realFetch = globalThis.fetch;
const results = [];

function record(name, fault = null, sample = null) {
  results.push({ name, fault, sample });
}

async function main() {
  const { base, stop } = process.argv[2] ? { base: process.argv[2], stop: () => {} } : await startSandbox();
  const post = (name, body, method = "POST") =>
    realFetch(`${base}/_sandbox/${name}`, { method, body: JSON.stringify(body) });
  const heard = await listen();
  try {
    const told = await (await realFetch(`${base}/_sandbox/credentials`)).json();
    const quick = { rate_limit_per_minute: 0, query_lag_seconds: 0, redeem_seconds: 0.5, job_seconds: 0.5 };
    // The SDK's query builders join two conditions with $and. docs/wix-api.md calls it unconfirmed: a switch.
    // Its types say that a coupon's times are text, and documented answers show numbers: another switch.
    await post("settings", { ...quick, logical_filters: true, coupon_times: "text" });
    await post("webhook", { url: heard.url }, "PUT");
    globalThis.fetch = (url, init) => realFetch(String(url).replace(HOST, base), init);
    const auth = AppStrategy({
      appId: told.app_id, appSecret: told.app_secret, instanceId: told.instance_id, publicKey: told.public_key,
    });
    const client = createClient({ auth, modules });
    await makeCalls(checker(base), client);
    await post("app", { event: "AppInstalled" });
    await post("app", { event: "AppRemoved" });
    await delivered(base);
    await hear(client, heard.bodies, told);
  } finally {
    heard.close();
    stop();
  }
  for (const { index, fault } of misfits(results)) results[index].fault ??= fault;
  report();
}

function checker(base) {
  async function seen() {
    const { last, requests } = await (await realFetch(`${base}/_sandbox/requests?since=${seen.last ?? 0}`)).json();
    seen.last = last;
    return requests.filter(({ operation }) => operation !== "token").map(({ operation }) => operation);
  }
  async function attempt(name, call, judge = () => {}, type = null) {
    await seen();
    const answer = await call();
    const wanted = name.split(".")[1];
    const operations = await seen();
    if (!operations.includes(wanted)) throw new Error(`the sandbox took it for ${operations.join(", ") || "nothing"}`);
    const missing = absent(name, answer);
    if (missing.length > 0) throw new Error(`the answer lacks ${missing.join(", ")}`);
    await judge(answer);
    const value = type?.endsWith("[]") ? answer.items : answer;
    const empty = value === undefined || Object.keys(value).length === 0;
    return { answer, sample: empty ? null : { type: type ?? `Answer<typeof ${name}>`, value } };
  }
  async function check(name, call, judge, type) {
    try {
      const { answer, sample } = await attempt(name, call, judge, type);
      record(name, null, sample);
      return answer;
    } catch (error) {
      record(name, describe(error));
      throw new Stop(name);
    }
  }
  check.refused = async (name, code, call) => {
    const title = `${name} refused${code ? ` with ${code}` : ""}`;
    try {
      await call();
      record(title, "it was not refused");
    } catch (error) {
      const found = error.details?.applicationError?.code;
      const wanted = code === null ? found !== undefined : found === code;
      record(title, wanted ? null : `the SDK read ${found ?? describe(error)}`);
    }
  };
  check.until = async (name, call, done) => {
    for (const end = Date.now() + PATIENCE; Date.now() < end; await pause(100)) if (done(await call())) break;
    return check(name, call, (answer) => {
      if (!done(answer)) throw new Error("it never came to the state that was waited for");
    });
  };
  // What a customer does in the shop, of which the API has no call.
  check.goToCheckout = async (accountId) => {
    const body = JSON.stringify({ account_id: accountId });
    const answer = await realFetch(`${base}/_sandbox/checkout`, { method: "POST", body });
    return (await answer.json()).checkout.id;
  };
  return check;
}

class Stop extends Error {}

function describe(error) {
  return [error.message ?? String(error), JSON.stringify(error.details ?? {})].join(" ").slice(0, 600);
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Webhooks

async function listen() {
  const bodies = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    bodies.push(body);
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { bodies, url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

async function delivered(base) {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await pause(100)) {
    const { events } = await (await realFetch(`${base}/_sandbox/state?only=events`)).json();
    if (events.pending === 0) return;
  }
}

// The SDK's handler of each event that the sandbox sends, and the type of what it is given.
const HANDLERS = {
  "accounts.onAccountCreated": "accounts.AccountCreatedEnvelope",
  "accounts.onAccountUpdated": "accounts.AccountUpdatedEnvelope",
  "accounts.onAccountPointsUpdated": "accounts.AccountPointsUpdatedEnvelope",
  "accounts.onAccountRewardAvailabilityUpdated": "accounts.AccountRewardAvailabilityUpdatedEnvelope",
  "programs.onProgramUpdated": "programs.ProgramUpdatedEnvelope",
  "rules.onLoyaltyEarningRuleCreated": "rules.LoyaltyEarningRuleCreatedEnvelope",
  "rules.onLoyaltyEarningRuleUpdated": "rules.LoyaltyEarningRuleUpdatedEnvelope",
  "rules.onLoyaltyEarningRuleDeleted": "rules.LoyaltyEarningRuleDeletedEnvelope",
  "rewards.onRewardCreated": "rewards.RewardCreatedEnvelope",
  "rewards.onRewardUpdated": "rewards.RewardUpdatedEnvelope",
  "rewards.onRewardDeleted": "rewards.RewardDeletedEnvelope",
  "tiers.onTierCreated": "tiers.TierCreatedEnvelope",
  "tiers.onTierUpdated": "tiers.TierUpdatedEnvelope",
  "tiers.onTierDeleted": "tiers.TierDeletedEnvelope",
  "loyaltyCoupons.onCouponCreated": "loyaltyCoupons.CouponCreatedEnvelope",
  "loyaltyCoupons.onCouponDeleted": "loyaltyCoupons.CouponDeletedEnvelope",
  "imports.onLoyaltyImportCreated": "imports.LoyaltyImportCreatedEnvelope",
  "coupons.onCouponCreated": "coupons.CouponCreatedEnvelope",
  "coupons.onCouponUpdated": "coupons.CouponUpdatedEnvelope",
  "coupons.onCouponDeleted": "coupons.CouponDeletedEnvelope",
  "badges.onBadgeCreated": "badges.BadgeCreatedEnvelope",
  "badges.onBadgeUpdated": "badges.BadgeUpdatedEnvelope",
  "badges.onBadgeDeleted": "badges.BadgeDeletedEnvelope",
  "assignments.onBadgeAssignmentCreated": "assignments.BadgeAssignmentCreatedEnvelope",
  "assignments.onBadgeAssignmentDeleted": "assignments.BadgeAssignmentDeletedEnvelope",
  "members.onMemberCreated": "members.MemberCreatedEnvelope",
  "members.onMemberUpdated": "members.MemberUpdatedEnvelope",
  "members.onMemberDeleted": "members.MemberDeletedEnvelope",
  "contacts.onContactCreated": "contacts.ContactCreatedEnvelope",
  "contacts.onContactUpdated": "contacts.ContactUpdatedEnvelope",
  "contacts.onContactDeleted": "contacts.ContactDeletedEnvelope",
  "contacts.onContactMerged": "contacts.ContactMergedEnvelope",
  "subscriptions.onEmailsubscriptionEmailSubscriptionChanged":
    "subscriptions.EmailsubscriptionEmailSubscriptionChangedEnvelope",
};

async function hear(client, bodies, told) {
  const webhooks = createClient({
    auth: AppStrategy({ appId: told.app_id, appSecret: told.app_secret, instanceId: told.instance_id, publicKey: told.public_key }),
    modules,
  });
  const first = new Map();
  for (const [name, type] of Object.entries(HANDLERS)) {
    const [module, handler] = name.split(".");
    webhooks[module][handler]((envelope) => {
      if (!first.has(name)) first.set(name, { type, value: envelope });
    });
  }
  const apps = [];
  for (const event of Object.values(webhooks.webhooks.apps)) webhooks.use(event)((heard) => void apps.push(heard));
  for (const body of bodies) {
    try {
      const { instanceId } = await webhooks.webhooks.process(body);
      if (instanceId !== told.instance_id) record("webhooks.process", `it is of another site: ${instanceId}`);
    } catch (error) {
      record("webhooks.process", describe(error));
    }
  }
  for (const name of Object.keys(HANDLERS)) record(name, first.has(name) ? null : "never heard", first.get(name));
  record("webhooks.apps.AppInstalled and AppRemoved", apps.length === 2 ? null : `${apps.length} of 2 heard`);
  const forged = `${bodies[0].slice(0, -8)}AAAAAAAA`;
  const refused = await webhooks.webhooks.process(forged).then(() => false, () => true);
  record("webhooks.process refuses a changed signature", refused ? null : "it was believed");
}

// The sandbox, and the report

async function startSandbox() {
  const args = ["-m", "wixsandbox", "--port", "0", "--customers", "60"];
  const child = spawn(process.env.PYTHON ?? "python3", args, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const found = line.match(/http:\/\/[^\s,)]+\d/);
    if (found) return { base: found[0], stop: () => child.kill("SIGTERM") };
  }
  throw new Error("The sandbox ended before it served; see above.");
}

function report() {
  for (const { name, fault } of results) console.log(`${fault ? "FAIL" : "PASS"}  ${name}${fault ? `\n      ${fault}` : ""}`);
  const failed = results.filter(({ fault }) => fault).length;
  console.log(`\n${results.length - failed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}

main().catch((error) => {
  if (!(error instanceof Stop)) console.error(error);
  else console.error(`Stopped at ${error.message}: what follows needs it.`);
  report();
  process.exitCode = 1;
});
