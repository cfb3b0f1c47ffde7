-- One request in a hundred belongs to a sampled trace.
local headers = { ["content-type"] = "application/json" }
local unsampled, sampled

function init()
  headers["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
  unsampled = wrk.format("POST", "/sum", headers, '{"a":1,"b":2}')
  headers["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
  sampled = wrk.format("POST", "/sum", headers, '{"a":1,"b":2}')
end

local count = 0
function request()
  count = count + 1
  if count % 100 == 0 then return sampled end
  return unsampled
end
