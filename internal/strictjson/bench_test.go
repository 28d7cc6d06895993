package strictjson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/internal/strictjson"
)

// observation returns about 1 KiB of the kind of data that events carry.
func observation() []byte {
	return []byte(`{
  "id": "01926f0e-3c55-7d0a-9a55-2b7f1c0d9e11",
  "status": "final",
  "category": [{"code": "vital-signs", "display": "Vital Signs"}],
  "code": {"system": "http://loinc.example", "code": "8867-4", "display": "Heart rate"},
  "subject": {"reference": "Patient/4711", "display": "Müller, Änne"},
  "effectiveDateTime": "2022-08-18T10:03:03.750Z",
  "valueQuantity": {"value": 72.5, "unit": "beats/minute", "code": "/min"},
  "referenceRange": [{"low": {"value": 60}, "high": {"value": 100}}, {"low": {"value": 50}, "high": {"value": 110}}],
  "performer": [{"reference": "Practitioner/17", "display": "Dr. \"Bones\" McCoy"}],
  "note": [{"text": "Measured at rest, seated, left arm; the patient had been walking for ten minutes before.\nRepeat tomorrow."}],
  "component": [
    {"code": "8480-6", "value": 120, "unit": "mmHg", "flags": []},
    {"code": "8462-4", "value": 80, "unit": "mmHg", "flags": [true, false, null]}
  ],
  "device": {"reference": "Device/99", "serial": "SN-0000-1234-5678", "firmware": "4.2.1"}
}`)
}

func BenchmarkCompact(b *testing.B) {
	var flat bytes.Buffer
	_ = json.Compact(&flat, observation())
	member := func(i int) string { return fmt.Sprintf(`"member%03d":%d`, i, i) }
	var wide []string
	for i := range 30 {
		wide = append(wide, member(i))
	}
	for _, doc := range []struct {
		name string
		src  []byte
	}{
		{"indented", observation()},
		{"compact", flat.Bytes()},
		{"30 members", []byte("{" + strings.Join(wide, ",") + "}")},
		{"tiny objects", []byte("[" + strings.Repeat(`{"a":1},`, 127) + "{}]")},
	} {
		b.Run(doc.name+"/strictjson", func(b *testing.B) {
			b.SetBytes(int64(len(doc.src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := strictjson.Compact(nil, doc.src, maxDepth); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(doc.name+"/encoding-json", func(b *testing.B) {
			b.SetBytes(int64(len(doc.src)))
			b.ReportAllocs()
			for b.Loop() {
				var out bytes.Buffer
				out.Grow(len(doc.src))
				if err := json.Compact(&out, doc.src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
