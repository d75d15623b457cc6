/**
 * Settings for one client that stands for many: it may send as many requests and open as many streams as it
 * wants.
 */
export const UNLIMITED = {
  RATE_LIMIT: "0",
  RATE_LIMIT_STRANGERS: "0",
  MAX_SUBSCRIPTIONS_PER_VIEWER: "1000000",
};
