package signing_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/signing"
)

func TestVerify_Vectors(t *testing.T) {
	t.Parallel()
	for _, v := range loadVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			trusted := v.Secrets
			if v.PublicKey != "" {
				trusted = append(trusted, v.PublicKey)
			}
			for _, key := range trusted { // each key is enough by itself
				if err := signing.Verify(v.header(), []byte(v.Body), mustKeys(t, key), v.at(), 0); err != nil {
					t.Errorf("with %s: %v", signing.Mask(key), err)
				}
			}
		})
	}
}

func TestVerify_Signature(t *testing.T) {
	t.Parallel()
	// Well-formed signatures of other messages.
	const wrong, wrongA = "v1,AAAASsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE8=",
		"v1a,AAAA2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
	for name, tt := range map[string]struct {
		signature string
		keys      []string
		ok        bool
	}{
		"OneOfOne":               {refSignature, []string{refSecret}, true},
		"OtherKey":               {refSignature, []string{otherSecret}, false},
		"SecondKey":              {refSignature, []string{otherSecret, refSecret}, true},
		"SecondSignature":        {wrong + " " + refSignature, []string{refSecret}, true},
		"LastOfManySignatures":   {strings.Repeat(wrong+" ", 31) + refSignature, []string{refSecret}, true},
		"WrongSignature":         {wrong, []string{refSecret}, false},
		"UnknownVersionsIgnored": {"v2," + refSignature[3:] + " v1b,x nonsense , ,v1 v1 " + refSignature, []string{refSecret}, true},
		"UnknownVersionOnly":     {"v2," + refSignature[3:], []string{refSecret}, false},
		"NoVersion":              {refSignature[3:], []string{refSecret}, false},
		"UpperCaseVersion":       {"V1," + refSignature[3:], []string{refSecret}, false},
		"VersionAlone":           {"v1,", []string{refSecret}, false},
		"Truncated":              {refSignature[:len(refSignature)-4], []string{refSecret}, false},
		"TruncatedToFirst":       {refSignature[:4], []string{refSecret}, false},
		"WithoutPadding":         {strings.TrimSuffix(refSignature, "="), []string{refSecret}, false},
		"Continued":              {refSignature + "AAAA", []string{refSecret}, false},
		"ThirdField":             {refSignature + ",more", []string{refSecret}, false},
		"FirstCharacterWrong":    {"v1,h" + refSignature[4:], []string{refSecret}, false},
		"LastCharacterWrong":     {strings.TrimSuffix(refSignature, "E=") + "I=", []string{refSecret}, false},
		"StrayBitsInLast":        {strings.TrimSuffix(refSignature, "E=") + "F=", []string{refSecret}, false},
		"SeparatedByTab":         {"v1,x\t" + refSignature, []string{refSecret}, false},
		"SeparatedByComma":       {"v1,x," + refSignature, []string{refSecret}, false},
		"URLAlphabet":            {strings.NewReplacer("+", "-", "/", "_").Replace(refSignature), []string{refSecret}, false},

		"PublicKey":                 {refSignatureA, []string{refPublic}, true},
		"OtherPublicKey":            {refSignatureA, []string{otherPublic}, false},
		"SecondPublicKey":           {refSignatureA, []string{otherPublic, refPublic}, true},
		"SecondEd25519Signature":    {wrongA + " " + refSignatureA, []string{refPublic}, true},
		"WrongEd25519Signature":     {wrongA, []string{refPublic}, false},
		"PublicKeyOfBoth":           {refSignature + " " + refSignatureA, []string{refPublic}, true},
		"SecretOfBoth":              {refSignature + " " + refSignatureA, []string{refSecret}, true},
		"BothKeysHMACOnly":          {refSignature, []string{refPublic, refSecret}, true},
		"PublicKeyHMACOnly":         {refSignature, []string{refPublic}, false},
		"SecretEd25519Only":         {refSignatureA, []string{refSecret}, false},
		"Ed25519AsHMAC":             {"v1," + refSignatureA[4:], []string{refPublic}, false},
		"HMACAsEd25519":             {"v1a," + refSignature[3:], []string{refPublic, refSecret}, false},
		"Ed25519Truncated":          {refSignatureA[:len(refSignatureA)-4], []string{refPublic}, false},
		"Ed25519WithoutPadding":     {strings.TrimRight(refSignatureA, "="), []string{refPublic}, false},
		"Ed25519Empty":              {"v1a,", []string{refPublic}, false},
		"Ed25519NotBase64":          {"v1a," + strings.Repeat("!", 88), []string{refPublic}, false},
		"Ed25519SeveralLinesInside": {refSignatureA[:10] + "\r\n" + refSignatureA[10:], []string{refPublic}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := signing.Verify(refHeader(tt.signature), []byte(refBody), mustKeys(t, tt.keys...), refTime, 0)
			if tt.ok && err != nil || !tt.ok && !errors.Is(err, signing.ErrSignature) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestVerify_EveryBitCounts(t *testing.T) {
	t.Parallel()
	for _, key := range []struct{ secret, version, signature string }{
		{refSecret, "v1,", refSignature}, {refPublic, "v1a,", refSignatureA},
	} {
		sum, err := base64.StdEncoding.DecodeString(key.signature[len(key.version):])
		if err != nil {
			t.Fatal(err)
		}
		keys := mustKeys(t, key.secret)
		for bit := range len(sum) * 8 {
			flipped := slices.Clone(sum)
			flipped[bit/8] ^= 1 << (bit % 8)
			h := refHeader(key.version + base64.StdEncoding.EncodeToString(flipped))
			if err := signing.Verify(h, []byte(refBody), keys, refTime, 0); !errors.Is(err, signing.ErrSignature) {
				t.Errorf("%s with bit %d flipped: %v", key.version, bit, err)
			}
		}
	}
}

func TestVerify_WhatIsSigned(t *testing.T) {
	t.Parallel()
	keys := mustKeys(t, refSecret, refPublic)
	for name, change := range map[string]func(h http.Header, body *[]byte){
		"ID":              func(h http.Header, _ *[]byte) { h.Set("webhook-id", refID+"x") },
		"Timestamp":       func(h http.Header, _ *[]byte) { h.Set("webhook-timestamp", "1614265331") },
		"LeadingZero":     func(h http.Header, _ *[]byte) { h.Set("webhook-timestamp", "0"+refTimestamp) },
		"Body":            func(_ http.Header, body *[]byte) { *body = []byte(`{"test":2432232314}`) },
		"BodyCut":         func(_ http.Header, body *[]byte) { *body = (*body)[:len(*body)-1] },
		"BodyContinued":   func(_ http.Header, body *[]byte) { *body = append(*body, '\n') },
		"NoBody":          func(_ http.Header, body *[]byte) { *body = nil },
		"FieldsRunOnInto": func(h http.Header, body *[]byte) { h.Set("webhook-id", refID[:4]); *body = []byte(refID[4:] + refBody) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, body := refHeader(refSignature+" "+refSignatureA), []byte(refBody)
			change(h, &body)
			if err := signing.Verify(h, body, keys, refTime, 0); !errors.Is(err, signing.ErrSignature) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestVerify_Tolerance(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		after     time.Duration // now, seen from the timestamp
		tolerance time.Duration
		want      error
	}{
		"Now":                    {0, time.Minute, nil},
		"JustOldEnough":          {time.Minute, time.Minute, nil},
		"TooOld":                 {time.Minute + 1, time.Minute, signing.ErrTimestampTooOld},
		"MuchTooOld":             {100 * 365 * 24 * time.Hour, time.Minute, signing.ErrTimestampTooOld},
		"JustNewEnough":          {-time.Minute, time.Minute, nil},
		"TooNew":                 {-time.Minute - 1, time.Minute, signing.ErrTimestampTooNew},
		"DefaultOld":             {5 * time.Minute, 0, nil},
		"DefaultTooOld":          {5*time.Minute + 1, 0, signing.ErrTimestampTooOld},
		"DefaultNew":             {-5 * time.Minute, 0, nil},
		"DefaultTooNew":          {-5*time.Minute - 1, 0, signing.ErrTimestampTooNew},
		"NegativeIsDefault":      {5 * time.Minute, -1, nil},
		"NegativeIsDefaultOld":   {5*time.Minute + 1, -1, signing.ErrTimestampTooOld},
		"NegativeIsDefaultNew":   {-5*time.Minute - 1, -1, signing.ErrTimestampTooNew},
		"LongerThanDefault":      {time.Hour, time.Hour, nil},
		"LongerThanDefaultAhead": {-time.Hour, time.Hour, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := signing.Verify(refHeader(refSignature), []byte(refBody), mustKeys(t, refSecret), refTime.Add(tt.after), tt.tolerance)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestVerify_Headers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(h http.Header)
		want   error
	}{
		"None":               {func(h http.Header) { clear(h) }, signing.ErrMissingHeader},
		"NoID":               {func(h http.Header) { h.Del("webhook-id") }, signing.ErrMissingHeader},
		"EmptyID":            {func(h http.Header) { h.Set("webhook-id", "") }, signing.ErrMissingHeader},
		"NoTimestamp":        {func(h http.Header) { h.Del("webhook-timestamp") }, signing.ErrMissingHeader},
		"EmptyTimestamp":     {func(h http.Header) { h.Set("webhook-timestamp", "") }, signing.ErrMissingHeader},
		"NoSignature":        {func(h http.Header) { h.Del("webhook-signature") }, signing.ErrMissingHeader},
		"EmptySignature":     {func(h http.Header) { h.Set("webhook-signature", "") }, signing.ErrMissingHeader},
		"BlankSignature":     {func(h http.Header) { h.Set("webhook-signature", "  ") }, signing.ErrMissingHeader},
		"TwoIDs":             {func(h http.Header) { h.Add("webhook-id", refID) }, signing.ErrMalformedHeader},
		"TwoIDsInTwoCases":   {func(h http.Header) { h["webhook-id"] = []string{"other"} }, signing.ErrMalformedHeader},
		"TwoTimestamps":      {func(h http.Header) { h.Add("webhook-timestamp", refTimestamp) }, signing.ErrMalformedHeader},
		"FullStopInID":       {func(h http.Header) { h.Set("webhook-id", "a.b") }, signing.ErrMalformedHeader},
		"SpaceInID":          {func(h http.Header) { h.Set("webhook-id", "a b") }, signing.ErrMalformedHeader},
		"TimestampInWords":   {func(h http.Header) { h.Set("webhook-timestamp", "hello") }, signing.ErrMalformedHeader},
		"TimestampInRFC3339": {func(h http.Header) { h.Set("webhook-timestamp", "2021-02-25T15:02:10Z") }, signing.ErrMalformedHeader},
		"FractionOfSecond":   {func(h http.Header) { h.Set("webhook-timestamp", refTimestamp+".5") }, signing.ErrMalformedHeader},
		"Exponent":           {func(h http.Header) { h.Set("webhook-timestamp", "1614265330e0") }, signing.ErrMalformedHeader},
		"Hexadecimal":        {func(h http.Header) { h.Set("webhook-timestamp", "0x6037b972") }, signing.ErrMalformedHeader},
		"Underscore":         {func(h http.Header) { h.Set("webhook-timestamp", "1_614265330") }, signing.ErrMalformedHeader},
		"PlusSign":           {func(h http.Header) { h.Set("webhook-timestamp", "+"+refTimestamp) }, signing.ErrMalformedHeader},
		"Negative":           {func(h http.Header) { h.Set("webhook-timestamp", "-1") }, signing.ErrMalformedHeader},
		"SpaceBefore":        {func(h http.Header) { h.Set("webhook-timestamp", " "+refTimestamp) }, signing.ErrMalformedHeader},
		"OtherDigits":        {func(h http.Header) { h.Set("webhook-timestamp", "١٦١٤٢٦٥٣٣٠") }, signing.ErrMalformedHeader},
		"Milliseconds":       {func(h http.Header) { h.Set("webhook-timestamp", refTimestamp+"000") }, signing.ErrMalformedHeader},
		"LargestInt64":       {func(h http.Header) { h.Set("webhook-timestamp", "9223372036854775807") }, signing.ErrMalformedHeader},
		"WrapsAround":        {func(h http.Header) { h.Set("webhook-timestamp", "18446744075323816946") }, signing.ErrMalformedHeader},
		"FarFuture":          {func(h http.Header) { h.Set("webhook-timestamp", "1099511627775") }, signing.ErrTimestampTooNew},
		"Epoch":              {func(h http.Header) { h.Set("webhook-timestamp", "0") }, signing.ErrTimestampTooOld},
		"33Signatures": {
			func(h http.Header) { h.Set("webhook-signature", strings.Repeat("v2,x ", 32)+refSignature) },
			signing.ErrMalformedHeader,
		},
		"33InSeveralLines": {
			func(h http.Header) { h["Webhook-Signature"] = slices.Repeat([]string{refSignature}, 33) },
			signing.ErrMalformedHeader,
		},

		"SignaturesInTwoLines": {func(h http.Header) { h["Webhook-Signature"] = []string{"v1,x v2,y", refSignature} }, nil},
		"SignaturesFarApart":   {func(h http.Header) { h.Set("webhook-signature", "  v1,x   "+refSignature+" ") }, nil},
		"LowerCase":            {func(h http.Header) { respell(h, strings.ToLower) }, nil},
		"UpperCase":            {func(h http.Header) { respell(h, strings.ToUpper) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := refHeader(refSignature)
			tt.change(h)
			err := signing.Verify(h, []byte(refBody), mustKeys(t, refSecret), refTime, 0)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// respell returns the headers as a server other than net/http may spell them.
func respell(h http.Header, spelling func(string) string) {
	original := h.Clone()
	clear(h)
	for name, values := range original {
		h[spelling(name)] = values
	}
}

func TestVerify_WithoutAUsableKeyNothingIsTrusted(t *testing.T) {
	t.Parallel()
	// Signatures that a zero key would accept without its check: the HMAC under the
	// empty key, and the one that holds for every message under a public key of
	// order one.
	empty := "v1,fake"
	trivial := make([]byte, 64)
	trivial[0] = 1
	forged := refHeader(empty + " v1a," + base64.StdEncoding.EncodeToString(trivial))
	for name, keys := range map[string]signing.Keys{
		"None": {},
		"Zero": {Secrets: []signing.Key{{}}, Public: []signing.PublicKey{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for id := range 64 { // a zero public key would accept one in four of these
				forged := forged.Clone()
				forged.Set("webhook-id", strings.Repeat("m", id+1))
				if err := signing.Verify(forged, []byte(refBody), keys, refTime, 0); !errors.Is(err, signing.ErrSignature) {
					t.Fatalf("got %v", err)
				}
			}
			if err := signing.Verify(refHeader(refSignature), []byte(refBody), keys, refTime, 0); !errors.Is(err, signing.ErrSignature) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestVerify_ErrorsTellNoSecret(t *testing.T) {
	t.Parallel()
	err := signing.Verify(refHeader("v1,wrong"), []byte(refBody), mustKeys(t, refSecret), refTime, 0)
	for _, secret := range []string{refSecret, refSecret[6:], refSignature[3:]} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%v", err)
		}
	}
}

func TestVerify_LeavesItsArgumentsAlone(t *testing.T) {
	t.Parallel()
	h, body := refHeader(refSignature), append(make([]byte, 0, 1024), refBody...)
	_ = signing.Verify(h, body, mustKeys(t, otherSecret, refSecret), refTime, 0)
	if string(body) != refBody || len(h) != 3 || h.Get("webhook-signature") != refSignature {
		t.Errorf("changed to %v, %s", h, body)
	}
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		texts           []string
		secrets, public int
		ok              bool
	}{
		"Secret":         {[]string{refSecret}, 1, 0, true},
		"RawSecret":      {[]string{"12345678"}, 1, 0, true},
		"PublicKey":      {[]string{refPublic}, 0, 1, true},
		"Mixed":          {[]string{refPublic, refSecret, otherPublic, otherSecret, "12345678"}, 3, 2, true},
		"None":           {nil, 0, 0, false},
		"Empty":          {[]string{""}, 0, 0, false},
		"OneIsBad":       {[]string{refSecret, "whsec_bad"}, 0, 0, false},
		"BadPublicKey":   {[]string{"whpk_0123456789"}, 0, 0, false},
		"PrivateKey":     {[]string{refPrivate}, 0, 0, false},
		"SpaceSeparated": {[]string{refSecret + " " + otherSecret}, 0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, err := signing.ParseKeys(tt.texts...)
			if tt.ok != (err == nil) || err != nil && !errors.Is(err, signing.ErrInvalidKey) {
				t.Fatalf("ok = %v, error %v", tt.ok, err)
			}
			if len(keys.Secrets) != tt.secrets || len(keys.Public) != tt.public {
				t.Errorf("%d secrets, %d public keys", len(keys.Secrets), len(keys.Public))
			}
		})
	}
}
