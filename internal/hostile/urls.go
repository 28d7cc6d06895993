package hostile

// The verdicts on a URL, when it is saved.
const (
	OK        = "ok"
	Malformed = "malformed" // it is no URL that could be sent to
	Blocked   = "blocked"   // its host or port is not allowed
)

// A Group of URLs that the strictest policy, with plain http allowed, judges alike.
type Group struct {
	Name string
	Want string
	URLs []string
}

// URLs are URLs that tenants try. They are also the seed of a fuzz test, and a test really
// sends to them, as if their rows were older than the rules.
var URLs = []Group{
	{"PublicIsAccepted", OK, []string{
		"https://example.com", "https://example.com/", "https://example.com/hooks?a=b&c=%20d", "http://example.com/",
		"HTTPS://EXAMPLE.COM/", "https://example.com./", "https://example.com:443/", "https://example.com:8443/",
		"https://example.com:1024/", "https://example.com:65535/", "http://example.com:80/", "https://example.com:/",
		"https://8.8.8.8/", "https://1.1.1.1:8080/", "https://[2606:4700:4700::1111]/", "https://[2606:4700:4700:0:0:0:0:1111]:8443/",
		"https://bücher.example/", "https://xn--bcher-kva.example/", "https://☕.example/", "https://例え.テスト/",
		"https://under_score.example.com/", "https://_a._b.example.com/", "https://example.com_/", "https://www.ex_ample.com/",
		"https://example.com/?q=ü", "https://example.com/?\xff", "https://example.com/?\u2028", "https://example.com/?q={\"a|b\"}",
		"https://example.com/?100%",
		"https://v2--site.example.com/", "https://a.b.c.d.example.com/", "https://123.example.com/", "https://1.2.3.4.example.com/",
		"https://example.com/päth", "https://example.com//double", "https://example.com/../up", "https://example.com/?", "https://example.com?x",
		"https://example.com/a@b", "https://example.com/?u=http://127.0.0.1/", "https://example.com/[x]", "https://example.com/%2e%2e%2f",
		"https://example.com?@127.0.0.1/", "https://example.com/@127.0.0.1", // the host ends before ? and /
		"https://localhost.example.com/", "https://internal.example.com/", "https://0xcafe.example/", "https://7f000001.example/",
		"https://127.0.0.1.nip.io/", "https://metadata.goog/", "https://localtest.me/", // names: judged by the address that is dialled
	}},
	{"LoopbackInNumbers", Blocked, []string{
		"https://127.0.0.1/", "https://127.0.0.1./", "https://127.0.0.1:8080/", "https://127.255.255.254/", "https://127.1/", "https://127.0.1/",
		"https://2130706433/", "https://2130706433./", "https://0x7f000001/", "https://0X7F000001/", "https://0x7f.1/", "https://0x7f.0.0.1/",
		"https://0x7f.0x0.0x0.0x1/", "https://0177.0.0.1/", "https://0177.1/", "https://017700000001/", "https://00000177.0.0.1/",
		"https://127.0.0.01/", "https://127.00.0.1/", "https://127.0.0.0x1/", "https://127.0x1/", "https://0/", "https://0x/", "https://0x0/",
		"https://00/",
		"https://0.0.0.0/", "https://0.0/", "https://0.1.2.3/", "https://0000.0.0.0/",
	}},
	{"OtherNumbersThatAreNoDottedQuad", Blocked, []string{
		"https://256.256.256.256/", "https://1.2.3.4.5/", "https://1.2.3/", "https://999999999999/", "https://4294967296/", "https://08.8.8.8/",
		"https://0x08080808/", "https://134744072/", "https://010.8.8.8/", "https://8.8.2056/", "https://1.2.3.0xg.5/", "https://a.1/",
		"https://example.0x7f/",
		"https://0xffffffffffffffff/", "https://18446744073709551617/", "https://10.0x000001/", "https://3232235521/", "https://0xa9fea9fe/",
		"https://0251.0376.0251.0376/",
	}},
	{"DigitsOfOtherScripts", Blocked, []string{
		"https://１２７.0.0.1/", "https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/", "https://127．0．0．1/", "https://127｡0｡0｡1/", "https://𝟏𝟐𝟕.𝟎.𝟎.𝟏/",
		"https://１６９.２５４.１６９.２５４/", "https://⑯⑨.②⑤④.⑯⑨.②⑤④/", "https://127.0.0.¹/", "https://127.0.0.₁/", "https://０x7f.1/", "https://0ｘ7f.1/",
		"https://127.0.0.\u00ad1/", "https://127.0.0.1\u200b/", "https://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1/", "https://ⓛocalhost/",
		"https://ｌｏｃａｌｈｏｓｔ/",
		"https://localhost。/", "https://LOCALHOſT/", "https://foo。internal/",
	}},
	{"SpecialBlocksOfIPv4", Blocked, []string{
		"https://10.0.0.1/", "https://10.255.255.255/", "https://100.64.0.1/", "https://100.127.255.255/", "https://169.254.1.1/",
		"https://172.16.0.1/",
		"https://172.31.255.255/", "https://192.0.0.1/", "https://192.0.0.9/", "https://192.0.2.1/", "https://192.31.196.1/",
		"https://192.52.193.1/",
		"https://192.88.99.1/", "https://192.168.0.1/", "https://192.175.48.1/", "https://198.18.0.1/", "https://198.19.255.255/",
		"https://198.51.100.1/",
		"https://203.0.113.1/", "https://224.0.0.1/", "https://239.255.255.255/", "https://240.0.0.1/", "https://255.255.255.255/",
	}},
	{"SpecialBlocksOfIPv6", Blocked, []string{
		"https://[::]/", "https://[::1]/", "https://[0:0:0:0:0:0:0:1]/", "https://[0000::0001]:8080/", "https://[::2]/", "https://[100::1]/",
		"https://[100:0:0:1::1]/",
		"https://[2001::1]/", "https://[2001:0:7f00:1::]/", "https://[2001:2::1]/", "https://[2001:10::1]/", "https://[2001:20::1]/",
		"https://[2001:1ff::1]/",
		"https://[2001:db8::1]/", "https://[2002::1]/", "https://[2002:7f00:1::]/", "https://[2002:a00:1::1]/", "https://[2620:4f:8000::1]/",
		"https://[3ffe::1]/",
		"https://[3fff::1]/", "https://[3fff:fff::1]/", "https://[4000::1]/", "https://[5f00::1]/", "https://[fc00::1]/", "https://[fd00::1]/",
		"https://[fe80::1]/",
		"https://[fec0::1]/", "https://[ff02::1]/", "https://[ff0e::1]/",
	}},
	{"IPv4InIPv6", Blocked, []string{
		"https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[0:0:0:0:0:ffff:7f00:0001]/", "https://[::FFFF:10.0.0.1]/",
		"https://[::ffff:8.8.8.8]/",
		"https://[::127.0.0.1]/", "https://[::7f00:1]/", "https://[::ffff:0:127.0.0.1]/", "https://[64:ff9b::127.0.0.1]/",
		"https://[64:ff9b::8.8.8.8]/",
		"https://[64:ff9b::7f00:1]/", "https://[64:ff9b:1::1]/", "https://[64:ff9b:1:ffff::10.0.0.1]/", "https://[64:ff9b:0:1::127.0.0.1]/",
		"https://[2606:4700::5efe:127.0.0.1]/", "https://[2606:4700::200:5efe:7f00:1]/", // ISATAP
	}},
	{"Zones", Blocked, []string{
		"https://[fe80::1%25eth0]/", "https://[fe80::1%251]/", "https://[::1%25lo]/", "https://[2606:4700::1%25eth0]/",
		"https://[fe80::a9fe:a9fe%25eth0]/",
		"https://[::ffff:127.0.0.1%25lo]/",
	}},
	{"MetadataServices", Blocked, []string{
		"http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/latest/meta-data/", "http://169.254.170.2/v2/credentials/",
		"http://169.254.170.23/v1/credentials",
		"http://[fd00:ec2::23]/v1/credentials", "http://instance-data/latest/meta-data/", "http://instance-data.ec2.internal/", // AWS
		"http://metadata.google.internal/computeMetadata/v1/", "http://metadata.google.internal./",
		"http://metadata/computeMetadata/v1/", "http://[fd20:ce::254]/", // Google
		"http://168.63.129.16/", "http://2822734096/", "http://169.254.169.254/metadata/instance?api-version=2021-02-01", // Azure
		"http://100.100.100.200/latest/meta-data/", "http://[fd00:100::100:200]/", // Alibaba
		"http://192.0.0.192/latest/", "http://[fd00:c1::a9fe:a9fe]/opc/v2/", // Oracle
		"http://169.254.169.254/metadata/v1.json",                                                         // DigitalOcean
		"http://169.254.42.42/", "http://[fd00:42::42]/", "http://169.254.0.23/", "http://169.254.10.10/", // Scaleway, Tencent
		"http://[fe80::a9fe:a9fe]/", "http://[::ffff:a9fe:a9fe]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:a9fe:a9fe::]/",
		"http://2852039166/", "http://0xA9.0xFE.0xA9.0xFE/", "http://169.254.43518/", "http://169.16689662/",
	}},
	{"LocalNames", Blocked, []string{
		"https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://localhost:8443/", "https://a.localhost/",
		"https://a.b.localhost./",
		"https://intranet/", "https://intranet./", "https://local/", "https://internal/", "https://com/", "https://printer.local/",
		"https://printer.local./",
		"https://db.corp.internal/", "https://DB.INTERNAL/", "https://kubernetes.default.svc.cluster.local/", "https://xn--bcher-kva/",
		"https://user/",
	}},
	{"Ports", Blocked, []string{
		"https://example.com:22/", "https://example.com:25/", "https://example.com:53/", "https://example.com:79/", "https://example.com:81/",
		"https://example.com:444/",
		"https://example.com:1023/", "https://example.com:1/", "https://8.8.8.8:25/", "https://[2606:4700:4700::1111]:25/",
		"https://example.com:0025/",
	}},
	{"MalformedPorts", Malformed, []string{
		"https://example.com:0/", "https://example.com:65536/", "https://example.com:4294967739/", "https://example.com:-1/",
		"https://example.com:+443/", "https://example.com:http/",
		"https://example.com:80:80/", "https://example.com:8 0/", "https://example.com:４４３/", "https://example.com:0x1bb/",
		"https://[2606:4700::1]8080/", "https://localhost:99999/",
		"https://example.com:443@127.0.0.1/",
	}},
	{"Schemes", Malformed, []string{
		"", "example.com", "//example.com/", "/hooks", "ftp://example.com/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_",
		"dict://127.0.0.1:11211/", "ldap://127.0.0.1/", "unix:///var/run/docker.sock",
		"javascript:alert(1)", "data:text/plain,x", "ws://example.com/", "wss://example.com/", "https:example.com", "https:/example.com",
		"https:///example.com", "https://", "https:", "http",
		"httpſ://example.com/", "ｈttps://example.com/", "jar:https://example.com!/", "https+unix://example.com/", "://example.com/",
		"https//example.com", "localhost:8080", "127.0.0.1:8080",
	}},
	{"UserInfo", Malformed, []string{
		"https://user@example.com/", "https://user:pass@example.com/", "https://@example.com/", "https://:@example.com/",
		"https://example.com@127.0.0.1/", "https://127.0.0.1@example.com/",
		"https://example.com%40127.0.0.1@evil.example/", "https://a:b@c:d@example.com/", "https://example.com:80@[::1]/",
		"https://foo@evil.example:80@google.com/", "https://%40@example.com/",
	}},
	{"DelimitersThatParsersReadDifferently", Malformed, []string{
		`https://example.com\@127.0.0.1/`, `https:\\example.com/`, `https:/\example.com/`, `https://example.com\.evil.example/`,
		`https://127.0.0.1\@example.com/`, `\\example.com\x`, `https://example.com/a\b`, `https://example.com/?a\b`,
		"https://example.com#@127.0.0.1/", "https://example.com/#fragment", "https://example.com/#", "https://example.com#",
		"https://127.0.0.1#.example.com/",
		"https://exa mple.com/", " https://example.com/", "https://example.com/ ", "https://example.com/a b", "https://example.com/?a b",
		"https://example.com\t/", "https://exam\nple.com/",
		"https://example.com/\r\nHost: evil", "https://example.com\x00.evil.example/", "https://example.com/\x00", "https://example.com/\x7f",
		"https://127.0.0.1 .example.com/", "https://127.0.0.1%20.example.com/",
		"https://example.com%00/", "https://example.com%0d%0a/", "https://example.com%2f@127.0.0.1/", "https://%31%32%37.0.0.1/",
		"https://127%2e0%2e0%2e1/", "https://example.com%23.evil.example/", "https://example%2ecom/",
		"https://example.com／.evil.example/", "https://example.com？.evil.example/", "https://example.com＃.evil.example/",
		"https://user＠example.com/", "https://example.com：80/", "https://example.com℀.evil.example/", "https://example.com＼@evil/",
		"https://example.com;127.0.0.1/", "https://example.com,127.0.0.1/", "https://example.com&@127.0.0.1/", "https://$(id).example.com/",
		"https://{host}/", "https://<host>/", "https://*.example.com/", "https://example.com|x/",
	}},
	{"HostsThatAreNoNames", Malformed, []string{
		"https://./", "https://../", "https://.example.com/", "https://example..com/", "https://example.com../", "https://-example.com/",
		"https://example-.com/", "https://exam%ple.com/",
		"https://xn--a/", "https://xn--/", "https://xn--localhost-/", "https://xn--\x80.example/", "https://\xff\xfe.example/",
		"https://%ff.example/", "https://127.0.0.\xff1/", "https://a\u202eb.example/", "https://\u200b/", "https://\u00ad/",
		"https://example.com\ufffd/",
		"https://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example/", "https://:443/", "https://:/", "https://?x",
		"https://~example.com/", "https://+127.0.0.1/", "https://example.com!/", "https://'example.com'/",
	}},
	{"Brackets", Malformed, []string{
		"https://[127.0.0.1]/", "https://[example.com]/", "https://[]/", "https://[/", "https://]/", "https://[::1/", "https://::1/",
		"https://::1]/", "https://[::1]]/", "https://[[::1]]/", "https://[::1].example.com/", "https://[::1]example.com/",
		"https://x[::1]/", "https://[v1.fe80::a]/", "https://[::g]/", "https://[1::2::3]/", "https://[::1.2.3]/", "https://[::ffff:0177.0.0.1]/",
		"https://[::ffff:127.1]/", "https://[12345::1]/", "https://[fe80::1%eth0]/", "https://[::1%25]/",
		"https://2606:4700:4700::1111/", "https://[：：1]/", "https://[::１]/", "https://[2606:4700::1%00]/",
	}},
	{"PercentEncoding", Malformed, []string{"https://example.com/%zz", "https://example.com/%", "https://example.com/%2"}},
}

// StoredURLs maps a URL as a tenant writes it to the URL that is stored.
var StoredURLs = map[string]string{
	"HTTPS://Example.COM./Hooks?A=b":                                   "https://example.com/Hooks?A=b",
	"https://example.com":                                              "https://example.com",
	"https://example.com:/":                                            "https://example.com/",
	"https://example.com:443/":                                         "https://example.com/",
	"https://example.com:0443":                                         "https://example.com",
	"http://example.com:80/?x":                                         "http://example.com/?x",
	"https://[2606:4700::1111]:443/":                                   "https://[2606:4700::1111]/",
	"https://8.8.8.8:443/":                                             "https://8.8.8.8/",
	"https://example.com:80/":                                          "https://example.com:80/",
	"http://example.com:443/":                                          "http://example.com:443/",
	"https://Web_Hooks.Example.com/":                                   "https://web_hooks.example.com/",
	"https://ｗｅｂ＿hooks.example.com/":                                   "https://web_hooks.example.com/",
	"https://b_ü.example/":                                             "https://xn--b_-yka.example/",
	"https://example.com/ü?q=ü&%C3%BC=%fc":                             "https://example.com/%C3%BC?q=%C3%BC&%C3%BC=%fc",
	"https://example.com/`?`":                                          "https://example.com/%60?%60",
	"https://example.com?\xff":                                         "https://example.com?%FF",
	`https://example.com/"<>^{|}?"<>^{|}`:                              "https://example.com/%22%3C%3E%5E%7B%7C%7D?%22%3C%3E%5E%7B%7C%7D",
	"https://example.com/[x]!$&'()*+,;=:@-._~?[x]!$&'()*+,;=:@-._~/?%": "https://example.com/[x]!$&'()*+,;=:@-._~?[x]!$&'()*+,;=:@-._~/?%",
	"https://example.com:08443/":                                       "https://example.com:8443/",
	"https://bücher.example/päth":                                      "https://xn--bcher-kva.example/p%C3%A4th",
	"https://b%C3%BCcher.example/":                                     "https://xn--bcher-kva.example/",
	"https://ｅｘａｍｐｌｅ。com/":                                             "https://example.com/",
	"https://faß.example/":                                             "https://xn--fa-hia.example/",
	"https://８.８.⑧.8/":                                                 "https://8.8.8.8/",
	"https://8.8.8.8./":                                                "https://8.8.8.8/",
	"https://[2606:4700:0:0::0:1111]:1443/x?":                          "https://[2606:4700::1111]:1443/x?",
	"https://[2606:4700::8.8.8.8]/":                                    "https://[2606:4700::808:808]/",
	"https://example.com/a%2Fb/%C3%BC":                                 "https://example.com/a%2Fb/%C3%BC",
	"https://example.com/%0d%0ax":                                      "https://example.com/%0d%0ax",
}
