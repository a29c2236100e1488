// The SDK's modules that the product's calls come from, under short names. types.mjs imports the same ones.
import * as accounts from "@wix/auto_sdk_loyalty_accounts";
import * as assignments from "@wix/auto_sdk_members_badge-assignments";
import * as badges from "@wix/auto_sdk_members_badges-v-2";
import * as checkout from "@wix/auto_sdk_loyalty_checkout-exchange";
import * as contacts from "@wix/auto_sdk_crm_contacts";
import * as coupons from "@wix/marketing_coupons";
import * as imports from "@wix/auto_sdk_loyalty_imports";
import * as loyaltyCoupons from "@wix/auto_sdk_loyalty_coupons";
import * as members from "@wix/auto_sdk_members_members";
import * as programs from "@wix/auto_sdk_loyalty_programs";
import * as rewards from "@wix/auto_sdk_loyalty_rewards";
import * as rules from "@wix/auto_sdk_loyalty_earning-rules";
import * as subscriptions from "@wix/auto_sdk_email-subscriptions_email-subscriptions";
import * as tiers from "@wix/auto_sdk_loyalty_tiers";
import * as transactions from "@wix/auto_sdk_loyalty_transactions";

export const modules = {
  accounts, assignments, badges, checkout, contacts, coupons, imports, loyaltyCoupons, members, programs, rewards,
  rules, subscriptions, tiers, transactions,
};

export const packages = {
  accounts: "@wix/auto_sdk_loyalty_accounts",
  assignments: "@wix/auto_sdk_members_badge-assignments",
  badges: "@wix/auto_sdk_members_badges-v-2",
  checkout: "@wix/auto_sdk_loyalty_checkout-exchange",
  contacts: "@wix/auto_sdk_crm_contacts",
  coupons: "@wix/marketing_coupons",
  imports: "@wix/auto_sdk_loyalty_imports",
  loyaltyCoupons: "@wix/auto_sdk_loyalty_coupons",
  members: "@wix/auto_sdk_members_members",
  programs: "@wix/auto_sdk_loyalty_programs",
  rewards: "@wix/auto_sdk_loyalty_rewards",
  rules: "@wix/auto_sdk_loyalty_earning-rules",
  subscriptions: "@wix/auto_sdk_email-subscriptions_email-subscriptions",
  tiers: "@wix/auto_sdk_loyalty_tiers",
  transactions: "@wix/auto_sdk_loyalty_transactions",
};
