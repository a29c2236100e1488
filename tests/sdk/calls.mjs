// Every call that the product makes, made by the official client. `check` is told the SDK's own name of each.
import assert from "node:assert/strict";

const LOYALTY_APP = "553c79f3-5625-4f38-b14b-ef7c0d1e87df";
const STORES_APP = "215238eb-22a5-4c36-9e7b-e7c08025e04e";
const DAY = 86_400_000;

export async function makeCalls(check, api) {
  await programs(check, api);
  const people = await contactsAndMembers(check, api);
  const account = await accounts(check, api, people);
  await transactions(check, api, account);
  await earningRules(check, api);
  await tiers(check, api);
  await coupons(check, api);
  await badges(check, api, people);
  await subscriptions(check, api, people);
  await redeeming(check, api, account);
  await imports(check, api);
  await goodbye(check, api, people);
}

async function programs(check, { programs }) {
  await check("programs.pauseLoyaltyProgram", () => programs.pauseLoyaltyProgram());
  const name = { name: "Corner Club", pointDefinition: { customName: "Stars" } };
  await check("programs.updateLoyaltyProgram", () => programs.updateLoyaltyProgram(name), ({ loyaltyProgram }) => {
    assert.equal(loyaltyProgram.name, "Corner Club");
    assert.equal(loyaltyProgram.pointDefinition.customName, "Stars");
    assert.equal(loyaltyProgram.status, "PAUSED");
  });
  await check("programs.activateLoyaltyProgram", () => programs.activateLoyaltyProgram(), ({ loyaltyProgram }) => {
    assert.equal(loyaltyProgram.status, "ACTIVE");
  });
  await check("programs.enablePointsExpiration", () => programs.enablePointsExpiration());
  await check("programs.disablePointsExpiration", () => programs.disablePointsExpiration());
  await check("programs.getLoyaltyProgramPremiumFeatures", () => programs.getLoyaltyProgramPremiumFeatures());
  await check("programs.getLoyaltyProgram", () => programs.getLoyaltyProgram(), ({ loyaltyProgram }) => {
    assert.ok(loyaltyProgram._createdDate instanceof Date);
    assert.equal(loyaltyProgram._id, undefined);
  });
}

async function contactsAndMembers(check, { contacts, members }) {
  const info = (email, first) => ({
    name: { first, last: "Kowalski" },
    emails: { items: [{ tag: "MAIN", email, primary: true }] },
  });
  const anna = await check("contacts.createContact", () => contacts.createContact(info("anna@sdk.example", "Anna")));
  const twin = await check("contacts.createContact", () => contacts.createContact(info("twin@sdk.example", "Twin")));
  await check.refused("contacts.createContact", "DUPLICATE_CONTACT_EXISTS", () =>
    contacts.createContact(info("anna@sdk.example", "Anna")),
  );
  const id = anna.contact._id;
  await check("contacts.getContact", () => contacts.getContact(id), (contact) => {
    assert.equal(typeof contact.revision, "number");
    assert.equal(contact.primaryInfo.email, "anna@sdk.example");
  });
  await check.refused("contacts.getContact", "CONTACT_NOT_FOUND", () => contacts.getContact(NOBODY));
  await check("contacts.listContacts", () => contacts.listContacts({ paging: { limit: 2 } }));
  await check(
    "contacts.queryContacts",
    () => contacts.queryContacts().eq("primaryInfo.email", "anna@sdk.example").limit(1).find(),
    ({ items }) => assert.equal(items[0]._id, id),
    "contacts.Contact[]",
  );
  await check("contacts.updateContact", () =>
    contacts.updateContact(id, { ...info("anna@sdk.example", "Annie") }, anna.contact.revision),
  );
  await check.refused("contacts.updateContact", "CONTACT_ALREADY_CHANGED", () =>
    contacts.updateContact(id, info("anna@sdk.example", "Late"), anna.contact.revision),
  );
  const member = await check("members.createMember", () =>
    members.createMember({ member: { loginEmail: "anna@sdk.example", contact: { firstName: "Anna" } } }),
  );
  await check("members.getMember", () => members.getMember(member._id, { fieldsets: ["FULL"] }), (found) => {
    assert.equal(found.loginEmail, "anna@sdk.example");
  });
  await check("members.listMembers", () => members.listMembers({ paging: { limit: 2 }, fieldsets: ["FULL"] }));
  await check(
    "members.queryMembers",
    () => members.queryMembers({ fieldsets: ["FULL"] }).eq("loginEmail", "anna@sdk.example").find(),
    ({ items }) => assert.equal(items[0]._id, member._id),
    "members.Member[]",
  );
  const { contact } = await check("members.updateMember", () =>
    members.updateMember(member._id, { profile: { nickname: "annie" } }),
  ).then(() => contacts.getContact(member.contactId).then((found) => ({ contact: found })));
  return { anna: contact, twin: twin.contact, member };
}

async function accounts(check, { accounts }, { anna, member }) {
  const { account } = await check("accounts.createAccount", () => accounts.createAccount(anna._id), (made) => {
    assert.equal(made.account.points.balance, 0);
    assert.equal(made.account.revision, "1");
  });
  await check.refused("accounts.createAccount", "ALREADY_EXISTS", () => accounts.createAccount(anna._id));
  const purchase = { amount: 950, description: "A like", appId: LOYALTY_APP, idempotencyKey: "sdk-1" };
  const earned = await check("accounts.earnPoints", () => accounts.earnPoints(account._id, purchase), (answer) => {
    assert.equal(answer.account.points.balance, 950);
    assert.equal(answer.account.points.earned, 950);
  });
  await check("accounts.earnPoints", () => accounts.earnPoints(account._id, purchase), (again) => {
    assert.equal(again.transactionId, earned.transactionId, "one key, one booking");
    assert.equal(again.account.points.balance, 950);
  });
  const { revision } = earned.account;
  await check(
    "accounts.adjustPoints",
    () => accounts.adjustPoints(account._id, { amount: 100, description: "Sorry", revision }),
    (answer) => assert.equal(answer.account.points.balance, 1050),
  );
  await check.refused("accounts.adjustPoints", "INVALID_REVISION", () =>
    accounts.adjustPoints(account._id, { balance: 5, description: "Late", revision }),
  );
  const now = await check("accounts.getAccount", () => accounts.getAccount(account._id), (found) => {
    assert.equal(found.memberId, member._id);
    assert.equal(found.points.adjusted, 100);
    assert.ok(found._updatedDate instanceof Date);
  });
  await check("accounts.adjustPoints", () =>
    accounts.adjustPoints(account._id, { balance: 2000, description: "Set", revision: now.revision }),
  );
  await check("accounts.getAccountBySecondaryId", () => accounts.getAccountBySecondaryId({ contactId: anna._id }));
  await check("accounts.getAccountBySecondaryId", () => accounts.getAccountBySecondaryId({ memberId: member._id }));
  await check("accounts.listAccounts", () => accounts.listAccounts({ contactIds: [anna._id] }), (found) => {
    assert.equal(found.accounts.length, 1);
  });
  await check(
    "accounts.queryLoyaltyAccounts",
    () => accounts.queryLoyaltyAccounts().ge("points.balance", 0).descending("_createdDate").limit(20).find(),
    (page) => {
      assert.equal(page.items.length, 20);
      assert.ok(page.hasNext());
    },
    "accounts.LoyaltyAccount[]",
  );
  await check(
    "accounts.queryLoyaltyAccounts",
    async () => (await accounts.queryLoyaltyAccounts().between("points.balance", 1, 1e6).limit(5).find()).next(),
    (page) => assert.equal(page.items.length, 5),
    "accounts.LoyaltyAccount[]",
  );
  const since = new Date(Date.now() - DAY).toISOString();
  const search = { filter: { updatedDate: { $gte: since } }, cursorPaging: { limit: 3 } };
  await check("accounts.searchAccounts", () => accounts.searchAccounts(search), (found) => {
    assert.ok(found.accounts.length > 0);
    assert.ok(found.pagingMetadata.cursors);
  });
  await check(
    "accounts.searchAccounts",
    () => accounts.searchAccounts({ search: { expression: "anna@sdk.example", fields: ["contact.email"] } }),
    (found) => assert.equal(found.accounts[0]?._id, account._id),
  );
  await check("accounts.countAccounts", () => accounts.countAccounts({ filter: { "points.balance": { $gte: 1 } } }));
  await check("accounts.getProgramTotals", () => accounts.getProgramTotals());
  await check("accounts.bulkAdjustPoints", () =>
    accounts.bulkAdjustPoints({ search: { filter: { "contact.id": anna._id } }, amount: 1 }),
  );
  return account;
}

async function transactions(check, { transactions }, account) {
  const page = await check(
    "transactions.queryLoyaltyTransactions",
    () => transactions.queryLoyaltyTransactions().eq("accountId", account._id).eq("idempotencyKey", "sdk-1").find(),
    ({ items }) => {
      assert.equal(items.length, 1);
      assert.equal(items[0].earnInfo.appId, LOYALTY_APP);
    },
    "transactions.LoyaltyTransaction[]",
  );
  await check("transactions.getLoyaltyTransaction", () => transactions.getLoyaltyTransaction(page.items[0]._id));
  await check(
    "transactions.queryLoyaltyTransactions",
    () => transactions.queryLoyaltyTransactions().eq("accountId", account._id).descending("_createdDate").find(),
    ({ items }) => assert.ok(items.some((one) => one.transactionType === "ADJUST" && one.adjustInfo)),
    "transactions.LoyaltyTransaction[]",
  );
}

async function earningRules(check, { rules }) {
  const rule = {
    sourceAppId: LOYALTY_APP, triggerAppId: STORES_APP, triggerActivityType: "events/Rsvp", title: "An RSVP",
    status: "ACTIVE", fixedAmount: { configs: [{ points: 50 }] },
  };
  const made = await check("rules.createLoyaltyEarningRule", () => rules.createLoyaltyEarningRule(rule));
  await check("rules.getLoyaltyEarningRule", () => rules.getLoyaltyEarningRule(made._id));
  await check("rules.listEarningRules", () => rules.listEarningRules(), ({ earningRules }) => {
    assert.ok(earningRules.some((one) => one._id === made._id));
  });
  const changed = await check("rules.updateLoyaltyEarningRule", () =>
    rules.updateLoyaltyEarningRule(made._id, { ...rule, title: "Another", revision: made.revision }),
  );
  await check.refused("rules.deleteLoyaltyEarningRule", "INVALID_REVISION", () =>
    rules.deleteLoyaltyEarningRule(made._id, { revision: made.revision }),
  );
  const { revision } = changed.earningRule;
  await check("rules.deleteLoyaltyEarningRule", () => rules.deleteLoyaltyEarningRule(made._id, { revision }));
  await check("rules.createCustomLoyaltyEarningRule", () =>
    rules.createCustomLoyaltyEarningRule("BIRTHDAY", {
      earningRule: { title: "Birthday", fixedAmount: { configs: [{ points: 100 }] } },
    }),
  );
}

async function tiers(check, { tiers }) {
  const tier = (name, requiredPoints) => ({ tierDefinition: { name, description: "A tier" }, requiredPoints });
  const made = await check("tiers.createTier", () => tiers.createTier(tier("Ruby", 77_001)));
  await check("tiers.bulkCreateTiers", () => tiers.bulkCreateTiers([tier("Opal", 77_002)]), (answer) => {
    assert.equal(answer.bulkActionMetadata.totalSuccesses, 1);
  });
  await check("tiers.getTier", () => tiers.getTier(made._id));
  await check("tiers.listTiers", () => tiers.listTiers());
  const changed = await check("tiers.updateTier", () =>
    tiers.updateTier(made._id, { ...tier("Ruby", 77_003), revision: made.revision }),
  );
  await check("tiers.deleteTier", () => tiers.deleteTier(made._id, changed.revision));
  const { programSettings } = await check("tiers.getTiersProgram", () => tiers.getTiersProgram());
  await check("tiers.getTiersProgramSettings", () => tiers.getTiersProgramSettings());
  const { revision } = programSettings;
  const wanted = { status: "ACTIVE", revision, rollingWindow: { durationInMonths: 12 } };
  await check("tiers.updateTiersProgramSettings", () => tiers.updateTiersProgramSettings(wanted), (answer) => {
    assert.equal(answer.programSettings.status, "ACTIVE");
  });
}

// The declared answers of coupons demand every kind of discount at once, of which a coupon has exactly one; so the
// answers are held to the plain types.
async function coupons(check, { coupons }) {
  const wanted = (code) => ({
    name: "For 1,000 stars", code, startTime: String(Date.now()), expirationTime: String(Date.now() + 30 * DAY),
    percentOffRate: 10, scope: { namespace: "stores" }, usageLimit: 1, active: true,
  });
  const { _id: id } = await check("coupons.createCoupon", () => coupons.createCoupon(wanted("SDKSTARS1")), (made) => {
    assert.deepEqual(Object.keys(made), ["_id"], "the answer is the id alone");
  });
  await check.refused("coupons.createCoupon", null, () => coupons.createCoupon(wanted("SDKSTARS1")));
  const isOurs = (found) => assert.equal(found.specification.code, "SDKSTARS1");
  await check("coupons.getCoupon", () => coupons.getCoupon(id), isOurs, "coupons.Coupon");
  const byCode = { filter: JSON.stringify({ "specification.code": { $eq: "SDKSTARS1" } }), paging: { limit: 1 } };
  const onlyOurs = (found) => assert.deepEqual([found.coupons[0]._id, found.totalResults], [id, 1]);
  await check("coupons.queryCoupons", () => coupons.queryCoupons(byCode), onlyOurs, "coupons.QueryCouponsResponse");
  await check("coupons.updateCoupon", () => coupons.updateCoupon(id, { active: false }));
  const shipping = { name: "Shipping", code: "SDKSHIP1", startTime: String(Date.now()), freeShipping: true };
  const made = await check(
    "coupons.bulkCreateCoupons",
    () => coupons.bulkCreateCoupons([shipping], { returnFullEntity: true }),
    (answer) => assert.equal(answer.results[0].coupon.specification.type, "FREE_SHIPPING"),
    "coupons.BulkCreateCouponsResponse",
  );
  await check("coupons.bulkDeleteCoupons", () => coupons.bulkDeleteCoupons([made.results[0].itemMetadata._id]));
  await check("coupons.deleteCoupon", () => coupons.deleteCoupon(id));
}

async function badges(check, { badges, assignments }, { member, twin }) {
  const look = { title: "SDK star", backgroundColor: "#796EFF", textColor: "#FFFFFF" };
  const badge = await check("badges.createBadge", () => badges.createBadge(look), (made) => {
    assert.equal(made.slug, "sdk-star");
  });
  await check("badges.getBadge", () => badges.getBadge(badge._id));
  await check(
    "badges.queryBadges",
    () => badges.queryBadges().eq("title", "SDK star").limit(1).find(),
    ({ items }) => assert.equal(items[0]._id, badge._id),
    "badges.Badge[]",
  );
  await check("badges.updateBadge", () =>
    badges.updateBadge(badge._id, { ...look, description: "Shines", revision: badge.revision }),
  );
  await check("badges.moveBadge", () => badges.moveBadge(badge._id, { position: "FIRST" }));
  const pair = { badgeId: badge._id, memberId: member._id };
  const given = await check("assignments.createBadgeAssignment", () => assignments.createBadgeAssignment(pair));
  await check.refused("assignments.createBadgeAssignment", null, () => assignments.createBadgeAssignment(pair));
  await check.refused("assignments.createBadgeAssignment", null, () =>
    assignments.createBadgeAssignment({ badgeId: badge._id, memberId: twin._id }),
  );
  await check(
    "assignments.queryBadgeAssignments",
    () => assignments.queryBadgeAssignments().eq("memberId", member._id).eq("badgeId", badge._id).find(),
    ({ items }) => assert.equal(items[0]._id, given._id),
    "assignments.BadgeAssignment[]",
  );
  await check("assignments.deleteBadgeAssignment", () => assignments.deleteBadgeAssignment(given._id));
  const again = await check("assignments.bulkCreateBadgeAssignments", () =>
    assignments.bulkCreateBadgeAssignments([pair], { returnEntity: true }),
  );
  await check("assignments.bulkDeleteBadgeAssignments", () =>
    assignments.bulkDeleteBadgeAssignments([again.results[0].item._id]),
  );
  await check("badges.deleteBadge", () => badges.deleteBadge(badge._id));
}

async function subscriptions(check, { subscriptions }, { anna }) {
  const email = anna.primaryInfo.email;
  await check("subscriptions.upsertEmailSubscription", () =>
    subscriptions.upsertEmailSubscription({ subscription: { email, subscriptionStatus: "SUBSCRIBED" } }),
  );
  await check("subscriptions.bulkUpsertEmailSubscription", () =>
    subscriptions.bulkUpsertEmailSubscription([{ email, subscriptionStatus: "UNSUBSCRIBED" }]),
  );
  const asked = { email: { $in: [email, "nobody@sdk.example"] } };
  await check(
    "subscriptions.queryEmailSubscriptions",
    () => subscriptions.queryEmailSubscriptions(asked, { paging: { limit: 100 } }),
    (found) => {
      assert.equal(found.subscriptions.length, 1, "an unknown address is left out");
      assert.equal(found.subscriptions[0].subscriptionStatus, "UNSUBSCRIBED");
    },
  );
  await check("subscriptions.generateUnsubscribeLink", () => subscriptions.generateUnsubscribeLink(email));
}

async function redeeming(check, { rewards, loyaltyCoupons, checkout }, account) {
  const forCoupon = {
    name: "5 off", type: "COUPON_REWARD", active: true,
    couponReward: {
      fixedAmount: { configsByTier: [{ costInPoints: 100, amount: 5 }] },
      scope: { namespace: "stores", group: { name: "product" } },
    },
  };
  const flexible = {
    name: "Money off", type: "DISCOUNT_AMOUNT", active: true,
    discountAmount: { configsByTier: [{ amount: "1.00", costInPoints: 100 }] },
  };
  const reward = await check("rewards.createReward", () => rewards.createReward(forCoupon));
  const several = await check("rewards.bulkCreateRewards", () => rewards.bulkCreateRewards([flexible]));
  await check("rewards.getReward", () => rewards.getReward(reward._id));
  await check("rewards.listRewards", () => rewards.listRewards());
  await check("rewards.queryRewards", () => rewards.queryRewards({ cursorPaging: { limit: 1 } }));
  const renamed = { ...forCoupon, name: "Five off", revision: reward.revision };
  await check("rewards.updateReward", () => rewards.updateReward(reward._id, renamed), (answer) => {
    assert.equal(answer.reward.name, "Five off");
  });
  const redeemed = await check(
    "loyaltyCoupons.redeemPointsForCoupon",
    () => loyaltyCoupons.redeemPointsForCoupon(reward._id, { loyaltyAccountId: account._id }),
    ({ coupon }) => assert.equal(coupon.status, "PENDING"),
  );
  const id = redeemed.coupon._id;
  const coupon = await check.until(
    "loyaltyCoupons.getLoyaltyCoupon",
    () => loyaltyCoupons.getLoyaltyCoupon(id),
    (found) => found.status === "ACTIVE",
  );
  await check(
    "loyaltyCoupons.queryLoyaltyCoupons",
    () => loyaltyCoupons.queryLoyaltyCoupons().eq("accountId", account._id).find(),
    ({ items }) => assert.equal(items[0]._id, id),
    "loyaltyCoupons.LoyaltyCoupon[]",
  );
  const cart = await check.goToCheckout(account._id);
  const spent = several.results[0].item ?? (await rewards.getReward(several.results[0].itemMetadata._id));
  await check("checkout.applyDiscountToCheckout", () =>
    checkout.applyDiscountToCheckout(cart, { loyaltyCoupon: { _id: id, revision: coupon.revision } }),
  );
  await check.refused("checkout.applyDiscountToCheckout", null, () =>
    checkout.applyDiscountToCheckout(cart, { reward: { _id: NOBODY, pointsToSpend: 100, revision: spent.revision } }),
  );
  await check(
    "checkout.queryLoyaltyCheckoutDiscounts",
    () => checkout.queryLoyaltyCheckoutDiscounts().eq("checkoutId", cart).find(),
    ({ items }) => assert.equal(items.length, 1),
    "checkout.LoyaltyCheckoutDiscount[]",
  );
  const now = await loyaltyCoupons.getLoyaltyCoupon(id);
  await check("loyaltyCoupons.deleteLoyaltyCoupon", () => loyaltyCoupons.deleteLoyaltyCoupon(id, now.revision));
  const current = await rewards.getReward(reward._id);
  await check("rewards.deleteReward", () => rewards.deleteReward(reward._id, current.revision));
}

async function imports(check, { imports }) {
  const { uploadUrl, filePath } = await check("imports.createLoyaltyImportFileUrl", () =>
    imports.createLoyaltyImportFileUrl(),
  );
  const csv = "Email,Points\nanna@sdk.example,1500\n";
  await fetch(uploadUrl, { method: "PUT", body: csv });
  const made = await check("imports.createLoyaltyImport", () =>
    imports.createLoyaltyImport(filePath, { fileName: "points.csv", fileSize: csv.length }),
  );
  const id = made.loyaltyImport._id;
  const is = (status) => (found) => found.status === status;
  await check.until("imports.getLoyaltyImport", () => imports.getLoyaltyImport(id), is("PARSED"));
  const headerMappings = [{ columnName: "EMAIL", columnIndex: 0 }, { columnName: "POINTS", columnIndex: 1 }];
  await check("imports.executeLoyaltyImport", () =>
    imports.executeLoyaltyImport(id, { headerMappingInfo: { headerMappings } }),
  );
  await check.until("imports.getLoyaltyImport", () => imports.getLoyaltyImport(id), is("IMPORTED"));
  await check(
    "imports.queryLoyaltyImports",
    () => imports.queryLoyaltyImports().descending("_createdDate").find(),
    ({ items }) => assert.equal(items[0]._id, id),
    "imports.LoyaltyImport[]",
  );
}

async function goodbye(check, { contacts, members }, { anna, twin, member }) {
  const { revision } = await contacts.getContact(anna._id);
  await check("contacts.mergeContacts", () =>
    contacts.mergeContacts(anna._id, revision, { sourceContactIds: [twin._id] }),
  );
  await check.refused("contacts.deleteContact", "CANNOT_DELETE_MEMBER", () => contacts.deleteContact(anna._id));
  await check("members.deleteMember", () => members.deleteMember(member._id));
}

const NOBODY = "00000000-0000-4000-8000-000000000000";
