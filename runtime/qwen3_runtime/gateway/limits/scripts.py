"""`account.py` in Lua, so that several gateways share one tenant's counters without a race. The clock is the server's.

Keys of tenant T, all with the hash tag ``{T}``: ``:r :i :o`` windows (second -> amount), ``:h`` what running requests
hold per gateway (``<gateway>|c`` count, ``|o`` output, ``|t`` tokens), ``:d:<day> :m:<month>`` tokens used. What a
gateway holds counts until its score in the sorted set of the second key, the time of its death.
"""

from __future__ import annotations

_COMMON = """
local base = KEYS[1]
local now = tonumber(redis.call('TIME')[1])
local function window(key)
  local sum, live = 0, {}
  local all = redis.call('HGETALL', key)
  for at = 1, #all, 2 do
    local second, amount = tonumber(all[at]), tonumber(all[at + 1])
    if second < now - 60 then redis.call('HDEL', key, all[at])
    else sum = sum + amount; live[#live + 1] = {second, amount} end
  end
  return sum, live
end
local function held()
  local sums, alive = {c = 0, o = 0, t = 0}, {}
  local all = redis.call('HGETALL', base .. ':h')
  for at = 1, #all, 2 do
    local gateway, kind = string.match(all[at], '^(.*)|(%a)$')
    if alive[gateway] == nil then alive[gateway] = tonumber(redis.call('ZSCORE', KEYS[2], gateway) or '0') > now end
    if alive[gateway] then sums[kind] = sums[kind] + tonumber(all[at + 1])
    else redis.call('HDEL', base .. ':h', all[at]) end
  end
  return sums
end
local function counter(key) return tonumber(redis.call('GET', key) or '0') end
"""

RESERVE = (
    _COMMON
    + """
-- ARGV: gateway, input, output; limits, -1 for none: requests, input, output, concurrent, tokens per day, per month;
-- day, month
local gateway, input, output = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local hold = held()
local alive = redis.call('ZCOUNT', KEYS[2], now, '+inf')
local remaining = {-1, -1, -1}
local windows = {{':r', 1, 0}, {':i', input, 0}, {':o', output, hold.o}}
for index, spec in ipairs(windows) do
  local limit = tonumber(ARGV[3 + index])
  if limit >= 0 then
    local sum, live = window(base .. spec[1])
    local used, need = sum + spec[3], math.min(spec[2], limit)
    local surplus = used + need - limit
    if surplus > 0 then
      table.sort(live, function(a, b) return a[1] < b[1] end)
      for _, one in ipairs(live) do
        surplus = surplus - one[2]
        if surplus <= 0 then return {index, one[1] + 61 - now, now, alive, math.max(0, limit - used)} end
      end
      return {index, 1, now, alive, math.max(0, limit - used)}
    end
    remaining[index] = limit - used - need
  end
end
local most = tonumber(ARGV[7])
if most >= 0 and hold.c >= most then return {4, 1, now, alive, 0} end
for index, key in ipairs({':d:' .. ARGV[10], ':m:' .. ARGV[11]}) do
  local quota = tonumber(ARGV[7 + index])
  local wanted = counter(base .. key) + hold.t + input + output
  if quota >= 0 and wanted > quota then return {4 + index, -1, now, alive, 0} end
end
redis.call('HINCRBY', base .. ':r', now, 1)
redis.call('HINCRBY', base .. ':i', now, input)
redis.call('EXPIRE', base .. ':r', 120)
redis.call('EXPIRE', base .. ':i', 120)
redis.call('HINCRBY', base .. ':h', gateway .. '|c', 1)
redis.call('HINCRBY', base .. ':h', gateway .. '|o', output)
redis.call('HINCRBY', base .. ':h', gateway .. '|t', input + output)
return {0, 0, now, alive, remaining[1], remaining[2], remaining[3]}
"""
)

SETTLE = (
    _COMMON
    + """
-- ARGV: gateway, batch, count, output held, tokens held, input missing, output used, tokens used, day, month,
-- then pairs of second and input set aside too much: it leaves the window with the bucket that it was booked in.
if not redis.call('SET', base .. ':b:' .. ARGV[1] .. ':' .. ARGV[2], 1, 'NX', 'EX', 3600) then return 0 end
for index, kind in ipairs({'c', 'o', 't'}) do
  redis.call('HINCRBY', base .. ':h', ARGV[1] .. '|' .. kind, -tonumber(ARGV[2 + index]))
end
redis.call('HINCRBY', base .. ':i', now, tonumber(ARGV[6]))
redis.call('HINCRBY', base .. ':o', now, tonumber(ARGV[7]))
for at = 11, #ARGV, 2 do
  if tonumber(ARGV[at]) >= now - 60 then redis.call('HINCRBY', base .. ':i', ARGV[at], -tonumber(ARGV[at + 1])) end
end
redis.call('EXPIRE', base .. ':i', 120)
redis.call('EXPIRE', base .. ':o', 120)
redis.call('INCRBY', base .. ':d:' .. ARGV[9], ARGV[8])
redis.call('EXPIRE', base .. ':d:' .. ARGV[9], 2 * 86400)
redis.call('INCRBY', base .. ':m:' .. ARGV[10], ARGV[8])
redis.call('EXPIRE', base .. ':m:' .. ARGV[10], 32 * 86400)
return 1
"""
)

BEAT = """
-- ARGV: gateway, seconds to live
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return redis.call('ZCOUNT', KEYS[1], now, '+inf')
"""

USAGE = (
    _COMMON
    + """
local hold = held()
local output = window(base .. ':o') + hold.o
return {(window(base .. ':r')), (window(base .. ':i')), output, hold.c,
  counter(base .. ':d:' .. ARGV[1]), counter(base .. ':m:' .. ARGV[2])}
"""
)
