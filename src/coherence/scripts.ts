import { hash } from "node:crypto";

/**
 * The operations of the version table as Redis scripts, each atomic.
 *
 * KEYS[1] to KEYS[4] are the same for all scripts: meta (hash), versions (sorted set: tag → version), pending
 * (hash: tag → number of transactions), transactions (hash: xid → tags). ARGV[1] is always the epoch.
 *
 * None of the four structures has a TTL, and each holds a sentinel that names the epoch. So a script notices
 * when any one of them was evicted or deleted.
 *
 * A script also checks that it still runs on the server that opened the epoch. `master_replid` names the
 * history of a data set. It changes when a server restarts (perhaps from an older snapshot) or a replica is
 * promoted (perhaps without the last writes). Looking it up inside the script costs 1 µs. A check on
 * connecting would leave a gap between check and use; this one leaves none.
 */
export interface RedisScript {
  readonly name: string;
  readonly lua: string;
  readonly sha1: string;
}

const PRELUDE = `
local epoch = ARGV[1]
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'history', 'sequence', 'floor', 'active', 'covered')
local sequence, floor = tonumber(meta[3]), tonumber(meta[4])

local function isHeld()
  if meta[1] ~= epoch
    or not redis.call('ZSCORE', KEYS[2], '\\0' .. epoch)
    or redis.call('HGET', KEYS[3], '') ~= epoch
    or redis.call('HGET', KEYS[4], '') ~= epoch then return false end
  local info = redis.call('INFO', 'replication')
  return string.find(info, 'role:master', 1, true) and string.find(info, meta[2], 1, true)
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/** Refuses unless the table may serve. ARGV[2] is the largest lag allowed, in ms. */
const SERVING = `
if not isHeld() then return 'lost' end
if meta[5] ~= '1' then return 'quiescing' end
if now() - tonumber(meta[6]) > tonumber(ARGV[2]) then return 'lagging' end
`;

/** Processes a list in chunks, because Lua's stack holds only about 8,000 values. */
const IN_CHUNKS = `
local function inChunks(list, work)
  for from = 1, #list, 1000 do
    if work(unpack(list, from, math.min(from + 999, #list))) == false then return false end
  end
  return true
end
`;

/**
 * An answer's tags are sent as one string, because sending a thousand arguments takes much longer. U+0000
 * separates them: PostgreSQL allows it in no text, so no tag contains it.
 */
const VALIDITY = `${IN_CHUNKS}
local function listed(text)
  local tags = {}
  for tag in string.gmatch(text, '[^%z]+') do tags[#tags + 1] = tag end
  return tags
end

local function isValid(stamp, tags)
  return stamp >= floor and inChunks(listed(tags), function(...)
    for _, version in ipairs(redis.call('ZMSCORE', KEYS[2], ...)) do
      if version and tonumber(version) > stamp then return false end
    end
    for _, count in ipairs(redis.call('HMGET', KEYS[3], ...)) do
      if count then return false end
    end
  end)
end
`;

/**
 * Gives the tags the present sequence as version. Above the cap, raises the floor and drops the oldest. In this
 * order, because a script that Redis ends halfway, as when an ACL has come to refuse one of its commands, is
 * not undone: what it has done by then must not let an answer pass for valid.
 */
const SET_VERSIONS = `
local function setVersions(tags, first, maxTags)
  for index = first, #tags do redis.call('ZADD', KEYS[2], sequence, tags[index]) end
  local excess = redis.call('ZCARD', KEYS[2]) - 1 - maxTags
  if excess > 0 then
    local last = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', 'inf', 'WITHSCORES', 'LIMIT', excess - 1, 1)
    redis.call('HSET', KEYS[1], 'floor', last[2])
    redis.call('ZPOPMIN', KEYS[2], excess)
  end
end
`;

/** ARGV: epoch. Replies 1 if the table now holds the epoch, else 0. */
export const OPEN = script(
  "open",
  `${PRELUDE}
if meta[1] == epoch then return isHeld() and 1 or 0 end
local function number(name) return tonumber(string.match(name, '^%d+')) end
if meta[1] and number(meta[1]) >= number(epoch) then return 0 end
local info = redis.call('INFO', 'replication')
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('HSET', KEYS[1], 'epoch', epoch, 'history', string.match(info, 'master_replid:%x+'),
  'sequence', 0, 'floor', 0, 'active', 0, 'covered', 0)
redis.call('ZADD', KEYS[2], 'inf', '\\0' .. epoch)
redis.call('HSET', KEYS[3], '', epoch)
redis.call('HSET', KEYS[4], '', epoch)
return 1`,
);

/** ARGV: epoch. */
export const ACTIVATE = script(
  "activate",
  `${PRELUDE}
if not isHeld() then return 0 end
redis.call('HSET', KEYS[1], 'active', 1)
return 1`,
);

/** ARGV: epoch, maxLagMs, known, maxChanges. Replies {sequence, pending tags, is complete, {tag, version, …}}. */
export const SINCE = script(
  "since",
  `${PRELUDE}${SERVING}
local known, maxChanges = tonumber(ARGV[3]), tonumber(ARGV[4])
if known == sequence then return 'unchanged' end
local pending = redis.call('HKEYS', KEYS[3])
if known < floor then return {sequence, pending, 0} end
local reply = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[3], '(inf', 'WITHSCORES', 'LIMIT', 0, maxChanges + 1)
if #reply > 2 * maxChanges then return {sequence, pending, 0} end
return {sequence, pending, 1, reply}`,
);

/** KEYS[5…]: entries. ARGV: epoch, maxLagMs. Replies for each {stamp, tags, value, ttlMs}, or 0 if invalid. */
export const GET = script(
  "get",
  `${PRELUDE}${SERVING}${VALIDITY}
local reply = {}
for index = 5, #KEYS do
  local entry = redis.call('HMGET', KEYS[index], 'stamp', 'tags', 'value')
  local found = 0
  if entry[1] then
    local stamp, tags = tonumber(entry[1]), entry[2]
    if isValid(stamp, tags) then found = {stamp, tags, entry[3], redis.call('PTTL', KEYS[index])} end
  end
  reply[#reply + 1] = found
end
return reply`,
);

/** KEYS[5…]: entries. ARGV: epoch, maxLagMs, then for each entry stamp, ttlMs, value and tags. */
export const FILL = script(
  "fill",
  `${PRELUDE}${SERVING}${VALIDITY}
local reply, at = {}, 3
for index = 5, #KEYS do
  reply[#reply + 1] = 'invalid'
  if isValid(tonumber(ARGV[at]), ARGV[at + 3]) then
    redis.call('HSET', KEYS[index], 'stamp', ARGV[at], 'tags', ARGV[at + 3], 'value', ARGV[at + 2])
    local expiry = redis.pcall('PEXPIRE', KEYS[index], ARGV[at + 1])
    if type(expiry) == 'table' then
      redis.call('DEL', KEYS[index])
      return expiry
    end
    reply[#reply] = 'stored'
  end
  at = at + 4
end
return reply`,
);

/** ARGV: epoch, xid, tag… */
export const MARK = script(
  "mark",
  `${PRELUDE}
if not isHeld() then return 'lost' end
local before = redis.call('HGET', KEYS[4], ARGV[2])
local tags, isMarked = before and cmsgpack.unpack(before) or {}, {}
local count = #tags
for _, tag in ipairs(tags) do isMarked[tag] = true end
for index = 3, #ARGV do
  local tag = ARGV[index]
  if not isMarked[tag] then
    isMarked[tag] = true
    tags[#tags + 1] = tag
    redis.call('HINCRBY', KEYS[3], tag, 1)
  end
end
if #tags == count then return 'marked' end
redis.call('HINCRBY', KEYS[1], 'sequence', 1)
redis.call('HSET', KEYS[4], ARGV[2], cmsgpack.pack(tags))
return 'marked'`,
);

/** ARGV: epoch, maxTags, xid. The tags stay pending until all have their versions (see SET_VERSIONS). */
export const RELEASE = script(
  "release",
  `${PRELUDE}${SET_VERSIONS}
if not isHeld() then return 'lost' end
local marked = redis.call('HGET', KEYS[4], ARGV[3])
if not marked then return 'released' end
local tags = cmsgpack.unpack(marked)
sequence = redis.call('HINCRBY', KEYS[1], 'sequence', 1)
setVersions(tags, 1, tonumber(ARGV[2]))
redis.call('HDEL', KEYS[4], ARGV[3])
for _, tag in ipairs(tags) do
  if redis.call('HINCRBY', KEYS[3], tag, -1) == 0 then redis.call('HDEL', KEYS[3], tag) end
end
return 'released'`,
);

/** ARGV: epoch, maxTags, tag… */
export const BUMP = script(
  "bump",
  `${PRELUDE}${SET_VERSIONS}
if not isHeld() then return 'lost' end
if #ARGV < 3 then return 'bumped' end
sequence = redis.call('HINCRBY', KEYS[1], 'sequence', 1)
setVersions(ARGV, 3, tonumber(ARGV[2]))
return 'bumped'`,
);

/** ARGV: epoch. */
export const TRANSACTIONS = script(
  "transactions",
  `${PRELUDE}
if not isHeld() then return 'lost' end
return redis.call('HKEYS', KEYS[4])`,
);

/** ARGV: epoch, instant up to which out-of-band changes were bumped, or ''. Replies the present time in ms. */
export const BEAT = script(
  "beat",
  `${PRELUDE}
if not isHeld() then return 'lost' end
if ARGV[2] ~= '' and tonumber(ARGV[2]) > tonumber(meta[6]) then redis.call('HSET', KEYS[1], 'covered', ARGV[2]) end
return now()`,
);

function script(name: string, lua: string): RedisScript {
  return { name, lua, sha1: hash("sha1", lua, "hex") };
}
