-- What wrk asks in `cargo xtask bench`: one record of a file after the other, each once.
-- Arguments: the file, an envelope a line; how many lines of it were used before; and what each request waits for.

local head = "Content-Type: application/json\r\n"
local lines, wait

function init(arguments)
    lines = assert(io.open(arguments[1], "r"))
    for _ = 1, tonumber(arguments[2]) do
        lines:read("*l")
    end
    wait = arguments[3]
end

function request()
    local envelope = lines:read("*l")
    if not envelope then
        error("all records of the file are used")
    end
    return "POST /api/v1/attestations?wait=" .. wait .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\n" .. head
        .. "Content-Length: " .. #envelope .. "\r\n\r\n" .. envelope
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "refused": %d, "broken": %d, "per_second": %.1f, "p50_ms": %.2f, "p99_ms": %.2f, "most_ms": %.2f}\n',
        summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
        summary.requests / (summary.duration / 1000000), latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        latency.max / 1000))
end
