"""The ways to break the VirtualService, the DestinationRules and the Gateway."""

from tests.breaks.table import BY, DRIFTED, FAILING, Break, patch, route, rule

ROUTE = r"VirtualService default/shop: spec\.http\[shop-\w+\]\."

ROUTES = (
    Break(
        "the VirtualService is deleted",
        (("delete", "virtualservice/shop"),),
        FAILING,
        "VirtualService default/shop is not there",
    ),
    Break(
        "other weights",
        (route("route/0/weight", 90), route("route/1/weight", 10)),
        DRIFTED,
        "VirtualService default/shop says v1 90 %, v2 10 % and not v1 50 %, v2 50 %, " + BY,
    ),
    Break(
        "a version is taken out of the split",
        (
            patch(
                "virtualservice",
                ("remove", "/spec/http/0/route/1", None),
                ("replace", "/spec/http/0/route/0/weight", 100),
            ),
        ),
        DRIFTED,
        "VirtualService default/shop says v1 100 % and not v1 50 %, v2 50 %",
    ),
    Break(
        "half of the requests are aborted",
        (route("fault", {"abort": {"percentage": {"value": 50}, "httpStatus": 503}}),),
        FAILING,
        ROUTE + "fault is not of the config, " + BY,
    ),
    Break(
        "requests are delayed",
        (route("fault", {"delay": {"percentage": {"value": 100}, "fixedDelay": "0.01s"}}),),
        DRIFTED,
        ROUTE + "fault is not of the config, " + BY,
    ),
    Break(
        "cross-origin rules",
        (route("corsPolicy", {"allowOrigins": [{"exact": "https://a.example"}]}),),
        DRIFTED,
        ROUTE + "corsPolicy is not of the config, " + BY,
    ),
    Break(
        "a mirror",
        (route("mirror", {"host": "shop", "subset": "v1"}),),
        DRIFTED,
        ROUTE + "mirror is not of the config, " + BY,
    ),
    Break(
        "a timeout",
        (route("timeout", "30s"),),
        DRIFTED,
        ROUTE + "timeout is not of the config, " + BY,
    ),
    Break(
        "another authority",
        (route("rewrite", {"authority": "other.example"}),),
        DRIFTED,
        ROUTE + "rewrite is not of the config, " + BY,
    ),
    Break(
        "a match",
        (route("match", [{"uri": {"prefix": "/only"}}]),),
        FAILING,
        ROUTE + "match is not of the config, " + BY,
    ),
    Break(
        "a rule in front",
        (patch("virtualservice", ("add", "/spec/http/0", {"directResponse": {"status": 503}})),),
        FAILING,
        "VirtualService default/shop says no split and not v1 50 %, v2 50 %, " + BY,
    ),
    Break(
        "another host",
        (patch("virtualservice", ("replace", "/spec/hosts/0", "other.example")),),
        FAILING,
        r"VirtualService default/shop: spec\.hosts.* is .*other\.example.* and not .*shop\.example.*, " + BY,
    ),
    Break(
        "another gateway",
        (patch("virtualservice", ("replace", "/spec/gateways/0", "others/none")),),
        FAILING,
        r"VirtualService default/shop: spec\.gateways.* and not .*shop-gateway.*, " + BY,
    ),
    Break(
        "a VirtualService for its own namespace alone",
        (patch("virtualservice", ("replace", "/spec/exportTo/0", ".")),),
        FAILING,
        r"VirtualService default/shop: spec\.exportTo.* is .*\..* and not .*\*.*, " + BY,
    ),
    Break(
        "a subset that is not there",
        (route("route/1/destination/subset", "v9"),),
        FAILING,
        "VirtualService default/shop says v1 50 %, v9 50 % and not v1 50 %, v2 50 %, " + BY,
    ),
    Break(
        "the rule of v2 is deleted",
        (("delete", "destinationrule/shop-v2"),),
        FAILING,
        "DestinationRule default/shop-v2 is not there",
    ),
    Break(
        "the subset finds no pod",
        (rule("subsets/0/labels/version", "v9", "replace"),),
        FAILING,
        r"DestinationRule default/shop-v2: spec\.subsets\[v2\]\.labels\.version is v9 and not v2, " + BY,
    ),
    Break(
        "the subset has another name",
        (rule("subsets/0/name", "v9", "replace"),),
        FAILING,
        "DestinationRule default/shop-v2: spec.subsets is",
    ),
    Break(
        "a rule for its own namespace alone",
        (rule("exportTo", ["."]),),
        FAILING,
        r"DestinationRule default/shop-v2: spec\.exportTo is not of the config, " + BY,
    ),
    Break(
        "the rule is for another host",
        (rule("host", "other", "replace"),),
        FAILING,
        r"DestinationRule default/shop-v2: spec\.host is other and not shop, " + BY,
    ),
)
